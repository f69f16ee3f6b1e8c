/** The word that was probably meant; `undefined` if none is near. */
export function nearestWord(given: string, words: readonly string[]): string | undefined {
  const near = words
    .map((word) => ({ word, distance: distanceBetween(given, word) }))
    .filter(({ word, distance }) => distance <= Math.max(2, word.length * 0.4))
  return near.toSorted((a, b) => a.distance - b.distance)[0]?.word
}

/** How many letters have to be inserted, removed or replaced (Levenshtein). */
function distanceBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [at, letter] of from.slice(0, 100).split('').entries()) {
    const next = [at + 1]
    for (let index = 1; index <= to.length; index += 1)
      next.push(
        Math.min(
          (next[index - 1] ?? 0) + 1,
          (row[index] ?? 0) + 1,
          (row[index - 1] ?? 0) + (to[index - 1] === letter ? 0 : 1),
        ),
      )
    row = next
  }
  return row.at(-1) ?? 0
}
