import { posix } from 'node:path'
import { importsOf } from './source-text.ts'
import type { Fault } from './faults.ts'

/** Import circles among the files of `src/`, one fault for each; type imports count, unit tests do not. */
export function circlesOf(texts: ReadonlyMap<string, string>): Fault[] {
  const imports = new Map<string, readonly string[]>()
  for (const [file, text] of texts) {
    if (!file.startsWith('src/') || file.endsWith('.test.ts')) continue
    const targets = importsOf(text)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier }) => posix.join(posix.dirname(file), specifier))
    imports.set(file, targets)
  }
  return circlesIn(imports).map((circle) => ({
    file: circle[0] ?? '',
    line: 1,
    advice: `these files import each other in a circle: ${circle.join(' -> ')}; move what they share into a file below both`,
  }))
}

/** Searches depth first. A file that is found again while it is on the path closes a circle. */
function circlesIn(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>()
  const path: string[] = []
  const circles: string[][] = []
  const visit = (file: string): void => {
    const at = path.indexOf(file)
    if (at !== -1) circles.push([...path.slice(at), file])
    if (at !== -1 || done.has(file)) return
    path.push(file)
    for (const target of imports.get(file) ?? []) visit(target)
    path.pop()
    done.add(file)
  }
  for (const file of [...imports.keys()].toSorted()) visit(file)
  return circles
}
