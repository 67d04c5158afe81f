/** The names that come nearest to one that does not exist, for error messages. */

/** Up to `count` of `names` by edit distance (Levenshtein, 1966), nearest first; names that contain `name` come before. */
export function nearNames(name: string, names: Iterable<string>, count = 5): string[] {
  const wanted = name.toLowerCase();
  const ranked = [...names].map((candidate) => {
    const has = candidate.toLowerCase();
    const within = wanted !== "" && (has.includes(wanted) || wanted.includes(has));
    return { candidate, distance: (within ? 0 : 1000) + editDistance(wanted, has) };
  });
  ranked.sort((a, b) => a.distance - b.distance);
  return ranked.slice(0, count).map(({ candidate }) => candidate);
}

/** Letters to insert, delete or replace to turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}
