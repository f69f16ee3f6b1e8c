import { displayWidth, padToWidth } from './display-width.ts'

/** A table as virsh prints it: a heading, a rule, then rows, with three spaces between columns. With `quiet` only the rows. */
export function formatTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  { quiet = false }: { readonly quiet?: boolean } = {},
): string {
  const widths = heading.map((title, column) =>
    Math.max(quiet ? 0 : title.length, ...rows.map((row) => displayWidth(row[column] ?? ''))),
  )
  const line = (cells: readonly string[]): string =>
    ` ${cells.map((cell, column) => padToWidth(cell, widths[column] ?? 0)).join('   ')}`.trimEnd()
  if (quiet) return rows.map(line).join('\n')
  const rule = '-'.repeat(widths.reduce((sum, width) => sum + width + 3, 0))
  return [line(heading), rule, ...rows.map(line)].join('\n')
}

/** One fact per line: `Name:           web`. */
export function formatFacts(facts: readonly (readonly [string, string])[]): string {
  return facts.map(([name, value]) => `${`${name}: `.padEnd(16)}${value}`).join('\n')
}
