type Parse = (text: string) => object

/**
 * The line of each key of a TOML text that `parse` reads, by its path (`save.format`). The parser does not report where a
 * key is. So this cuts the text into statements: the shortest piece after the last one that the parser accepts on its own is one.
 */
export function linesOfKeys(text: string, parse: Parse): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  let table: readonly string[] = []
  let piece = ''
  let first = 1
  for (const [index, line] of text.split('\n').entries()) {
    piece += `${line}\n`
    const statement = mayEnd(line, piece) ? read(piece, parse) : undefined
    if (statement === undefined) continue
    const [path] = pathsIn(statement)
    const isHeader = path !== undefined && piece.trimStart().startsWith('[')
    if (isHeader) table = path
    for (const each of pathsIn(statement)) {
      const full = isHeader ? each : [...table, ...each]
      for (let length = full.length; length > 0; length -= 1) {
        const key = full.slice(0, length).join('.')
        if (!found.has(key)) found.set(key, first)
      }
    }
    piece = ''
    first = index + 2
  }
  return found
}

/** A statement over several lines ends with the end of a list, a table or a text. */
function mayEnd(line: string, piece: string): boolean {
  return piece.length === line.length + 1 || /[\]}"']/.test(line)
}

function read(piece: string, parse: Parse): object | undefined {
  try {
    return parse(piece)
  } catch {
    return undefined
  }
}

/** The paths of a value, to the innermost tables. */
function pathsIn(value: object): readonly (readonly string[])[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const below = isTable(inner) ? pathsIn(inner) : []
    return below.length === 0 ? [[key]] : below.map((path) => [key, ...path])
  })
}

/** A table of TOML, and not a list or a date. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  )
}
