import { posix } from 'node:path'
import type { Fault } from './faults.ts'
import { importsOf, lineAt, withoutComments } from './source-text.ts'

const DECLARATION =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?<kind>async\s+function\*?|function\*?|class|const|let|interface|type)\s+(?<name>[\w$]+)/gm

/**
 * Exports of `src/` that the program does not use. A test is not a use: code that only a test calls is dead, and the test hides it.
 * A function, class or constant must be imported by a file that is not a test, or be used in its own file and imported by a test. A type
 * must be named somewhere, because a type may be exported only for the sake of an exported function.
 */
export function unusedExportsOf(texts: ReadonlyMap<string, string>): Fault[] {
  const used = new Set<string>()
  const usedByTests = new Set<string>()
  for (const [file, text] of texts) {
    const uses = file.startsWith('test/') || file.endsWith('.test.ts') ? usedByTests : used
    for (const { specifier, names } of importsOf(text)) {
      const target = posix.join(posix.dirname(file), specifier)
      for (const name of names) uses.add(`${target} ${name}`)
    }
  }
  const faults: Fault[] = []
  for (const [file, text] of texts) {
    if (!file.startsWith('src/') || file.endsWith('.test.ts') || file === 'src/index.ts') continue
    const code = withoutComments(text, { strings: true })
    for (const match of code.matchAll(DECLARATION)) {
      const { kind = '', name = '' } = match.groups ?? {}
      const is = (uses: ReadonlySet<string>): boolean =>
        uses.has(`${file} ${name}`) || uses.has(`${file} *`)
      if (is(used)) continue
      const isType = kind === 'interface' || kind === 'type'
      const usedHere = countOf(code, name) > 1
      if (usedHere && (isType || is(usedByTests))) continue
      const advice = is(usedByTests)
        ? `only tests use ${name}: call it where the program needs it, or remove it with its test`
        : `no other file uses ${name}: drop the export, or remove it`
      faults.push({ file, line: lineAt(code, match.index), advice })
    }
  }
  return faults
}

function countOf(code: string, name: string): number {
  return (
    code.match(new RegExp(`(?<![\\w$])${name.replaceAll('$', '\\$')}(?![\\w$])`, 'g'))?.length ?? 0
  )
}
