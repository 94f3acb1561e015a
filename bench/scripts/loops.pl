# Hashes, regular expressions, sorting and sprintf of Perl.
use strict;
for (1 .. ($ARGV[0] // 1)) {
  my ($best, $at) = (0, 0);
  for my $n (1 .. 8000) {
    my ($x, $steps) = ($n, 0);
    while ($x != 1) { $x = $x % 2 ? 3 * $x + 1 : $x / 2; $steps++ }
    ($best, $at) = ($steps, $n) if $steps > $best;
  }
  my %words;
  $words{'k' . $_ * 7919 % 5000} += $_ for 1 .. 60000;
  my @keys = sort { $words{$b} <=> $words{$a} || $a cmp $b } keys %words;
  my $text = join ' ', map { sprintf '%s=%05d', $_, $words{$_} % 100000 } @keys;
  my $count = 0;
  $count += $1 while $text =~ /\bk4\d*=0*(\d+)\b/g;
  (my $changed = $text) =~ s/(\d)(\d)/$2$1/g;
  print "$at ", scalar(@keys), " $keys[0] $count ", length($changed), ' ', unpack('%32C*', $changed), "\n";
}
