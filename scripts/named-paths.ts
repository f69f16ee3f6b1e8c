import { posix } from 'node:path'

/** A path in this repository that a text names. */
export interface NamedPath {
  readonly line: number
  /** As it is written. */
  readonly text: string
  /** Possible paths from the root of the repository, of which one must exist. Empty if any file of this name will do. */
  readonly places: readonly string[]
}

const TOP_FOLDERS = new Set([
  'bench',
  'bin',
  'cluster',
  'contrib',
  'demo',
  'docs',
  'notes',
  'scripts',
  'src',
  'systemd',
  'test',
])

/** Folders of `src/`. Documents name them without `src/`. */
const ROOMS = new Set([
  'cli',
  'domain',
  'image',
  'io',
  'migration',
  'qemu',
  'qmp',
  'transfer',
  'wire',
])

/** Our files end like this; documents also name files of others (`migration/ram.c` is QEMU's). */
const OURS = /(\/|\w\.(ts|md))$/

/** Stands for any name in an example. */
const EXAMPLE = /(^|\/)x(\.test)?\.ts$/

/** The paths that a Markdown document names, in links and in code spans. */
export function pathsInDocument(file: string, text: string): readonly NamedPath[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      [
        ...[...line.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) =>
          linked(file, target),
        ),
        ...[...line.matchAll(/`([^`\s]+)`/g)].flatMap(([, span = '']) => named(span)),
      ].map((path) => ({ ...path, line: index + 1 })),
    )
}

/** The paths that the comments of a TypeScript file name. */
export function pathsInComments(text: string): readonly NamedPath[] {
  return text.split('\n').flatMap((line, index) => {
    const [, comment] = /^\s*(?:\/\/|\/?\*+)(.*)$/.exec(line) ?? []
    const words = comment?.match(/[\w./-]*\w\.(?:ts|md)\b/g) ?? []
    return words.flatMap(named).map((path) => ({ ...path, line: index + 1 }))
  })
}

function linked(file: string, target: string): readonly Omit<NamedPath, 'line'>[] {
  const [path = ''] = target.split('#')
  if (path === '' || /^[a-z]+:/.test(path)) return []
  return [{ text: target, places: [posix.join(posix.dirname(file), path)] }]
}

function named(span: string): readonly Omit<NamedPath, 'line'>[] {
  if (!OURS.test(span) || EXAMPLE.test(span) || !/^[\w./-]+$/.test(span)) return []
  const path = span.replace(/\/$/, '')
  const [first = ''] = path.split('/')
  const own = [
    ...(TOP_FOLDERS.has(first) ? [path] : []),
    ...(ROOMS.has(first) ? [`src/${path}`] : []),
  ]
  if (own.length > 0) return [{ text: span, places: own }]
  return path.endsWith('.ts') && !path.includes('/') ? [{ text: span, places: [] }] : []
}
