# table.awk: from what was measured to lines of a table.
#
# Reads "KEY CONTENDER SECONDS_1 SECONDS_2 STEPS" and prints, for each key and
# contender in the order in which they first came,
#
#	KEY CONTENDER RUNS MEDIAN BEST RATIO RATIO_OF_BEST
#
# MEDIAN is that of (SECONDS_2 - SECONDS_1) / STEPS over the runs; BEST is made
# of the least of each, not of the least difference, which noise in SECONDS_1
# would make too small.  The ratios are to the first contender of the key.

function median(list, key, n,    sorted, i, j, value)
{
    for (i = 1; i <= n; i++) {
        value = list[key, i]
        for (j = i - 1; j >= 1 && sorted[j] > value; j--)
            sorted[j + 1] = sorted[j]
        sorted[j + 1] = value
    }
    return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

{
    id = $1 SUBSEP $2
    if (!(id in runs)) {
        order[++count] = id
        if (!($1 in reference)) reference[$1] = id
        least_1[id] = $3
        least_2[id] = $4
    }
    times[id, ++runs[id]] = ($4 - $3) / $5
    if ($3 < least_1[id]) least_1[id] = $3
    if ($4 < least_2[id]) least_2[id] = $4
    steps[id] = $5
}

END {
    for (i = 1; i <= count; i++) {
        id = order[i]
        medians[id] = median(times, id, runs[id])
        best[id] = (least_2[id] - least_1[id]) / steps[id]
    }
    for (i = 1; i <= count; i++) {
        id = order[i]
        split(id, part, SUBSEP)
        other = reference[part[1]]
        printf "%s %s %d %.9f %.9f %.3f %.3f\n", part[1], part[2], runs[id],
            medians[id], best[id], medians[id] / medians[other],
            best[id] / best[other]
    }
}
