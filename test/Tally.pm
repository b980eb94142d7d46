# Tally.pm: a harness for prove, which shows what a test that failed had to say,
# and counts as check.sh does.
#
#   PERL5LIB=test prove --harness Tally ...
#
# "N passed, N failed, N skipped" is appended to the file GMM_TALLY.
package Tally;

use strict;
use warnings;
use parent 'TAP::Harness';

# Of what a test says, that many lines are shown.
my $shown = 60;

sub new {
    my ($class, $arguments) = @_;
    my $self = $class->SUPER::new({ %$arguments, merge => 1 });
    my %lines;

    $self->callback(made_parser => sub {
        my ($parser, $test) = @_;
        $parser->callback(ALL => sub {
            my $line = shift;
            push @{ $lines{ $test->[1] } }, $line->raw
                unless $line->is_test && $line->is_ok;
        });
    });
    $self->callback(after_test => sub {
        my ($test, $parser) = @_;
        my @said = @{ delete $lines{ $test->[1] } || [] };
        return unless $parser->has_problems;
        splice @said, 0, @said - $shown if @said > $shown;
        print "    $test->[1]: $_\n" for @said;
    });
    return $self;
}

sub runtests {
    my $self = shift;
    my $results = $self->SUPER::runtests(@_);
    my ($passed, $failed, $skipped) = (0, 0, 0);

    for my $parser ($results->parsers($results->descriptions)) {
        my $bad = $parser->failed;

        # A test that ends badly, or with another number of tests than planned
        $bad = 1 if !$bad && $parser->has_problems;
        $passed += $parser->passed - $parser->skipped;
        $failed += $bad;
        $skipped += $parser->skipped + ($parser->skip_all ? 1 : 0);
    }
    open my $tally, '>>', $ENV{GMM_TALLY} or die "$ENV{GMM_TALLY}: $!";
    print $tally "$passed $failed $skipped\n";
    close $tally;
    return $results;
}

1;
