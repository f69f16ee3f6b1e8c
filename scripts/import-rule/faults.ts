import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import {
  builtinsOfRoom,
  floors,
  homeOfModule,
  processMembers,
  programs,
  selfContained,
  subFloors,
  writers,
  writingFunctions,
} from './rooms.ts'
import { importsOf, lineAt, withoutComments } from './source-text.ts'
import type { ImportStatement } from './source-text.ts'

/** A place that breaks the import rule, and advice in a sentence. */
export interface Fault {
  readonly file: string
  readonly line: number
  readonly advice: string
}

/**
 * The faults of one file. `file` is its path from the root of the project with `/` (`src/io/sockets/unix-listener.ts`);
 * files outside `src/` have no faults. Unit tests may use any builtin, package and `test/support/`.
 */
export function faultsOf(file: string, text: string): Fault[] {
  if (!file.startsWith('src/')) return []
  const room = roomOf(file)
  const isTest = file.endsWith('.test.ts')
  const faults: Fault[] = []
  const report = (line: number, advice: string) => faults.push({ file, line, advice })

  if (room !== undefined && floors[room] === undefined) {
    report(
      1,
      `${room}/ is not a room: put the file into one, or add the room to ARCHITECTURE.md and scripts/import-rule/rooms.ts`,
    )
    return faults
  }
  for (const hall of hallsOf(file)) {
    if (subFloors[hall]?.[roomInside(hall, file)] !== undefined) continue
    report(1, adviceOnPlace(hall, roomInside(hall, file)))
    return faults
  }
  for (const statement of importsOf(text)) {
    const advice = statement.specifier.startsWith('.')
      ? adviceOnOwnFile(file, room, isTest, statement.specifier)
      : isTest
        ? undefined
        : adviceOnModule(file, room, statement)
    if (advice !== undefined) report(statement.line, advice)
  }
  if (!isTest && room !== 'cli' && !programs.has(file)) {
    const code = withoutComments(text, { strings: true })
    const member = new RegExp(`\\bprocess\\s*\\.\\s*(${processMembers.join('|')})\\b`, 'g')
    for (const match of code.matchAll(member)) {
      report(
        lineAt(code, match.index),
        `process.${match[1]} belongs to src/cli/: take it as a parameter, or return the value`,
      )
    }
  }
  return faults
}

/** `src/io/x.ts` is in room `io`; `src/errors.ts` and `src/index.ts` are in none. */
function roomOf(file: string): string | undefined {
  const parts = file.split('/')
  return parts.length > 2 ? parts[1] : undefined
}

function adviceOnOwnFile(
  file: string,
  room: string | undefined,
  isTest: boolean,
  specifier: string,
): string | undefined {
  const target = posix.join(posix.dirname(file), specifier)
  if (target === 'src/errors.ts') return undefined
  if (target === 'package.json') return undefined
  if (isTest && target.startsWith('test/support/')) return undefined
  if (!target.startsWith('src/'))
    return `src/ imports nothing from outside src/: move ${target} into a room`
  if (file === 'src/index.ts') return undefined
  if (room === undefined)
    return `${file} is importable from everywhere, so it imports nothing: move the code into a room`
  const other = roomOf(target)
  if (other === room) return adviceInside(room, file, target, isTest)
  if (other === undefined)
    return `no room imports ${target}: import the file that ${target} takes it from`
  const [here, there] = [floors[room] ?? 0, floors[other] ?? Infinity]
  if (selfContained.has(room))
    return `${room}/ imports nothing of ours but errors.ts: take what ${other}/ gives as a parameter`
  if (there < here) return undefined
  const direction = there === here ? 'sideways' : 'upwards'
  return `${room}/ imports ${direction} from ${other}/: move what is shared to a lower floor, or take it as a parameter`
}

function adviceOnPlace(hall: string, room: string): string {
  if (room === '') return `${hall}/ has no files of its own: put the file into one of its rooms`
  return `${hall}/${room}/ is not a room: put the file into one, or add the room to ARCHITECTURE.md and scripts/import-rule/rooms.ts`
}

/** The folders with rooms inside them that a file is in, from the outermost: `qemu`, then `qemu/command-line`. */
function hallsOf(file: string): string[] {
  return Object.keys(subFloors)
    .filter((hall) => inSrc(file).startsWith(`${hall}/`))
    .sort((a, b) => a.length - b.length)
}

/** Inside `domain`, `src/domain/store/x.ts` is in room `store`; inside `transfer`, `src/transfer/x.ts` is in `''`. */
function roomInside(hall: string, file: string): string {
  const [name = '', ...rest] = inSrc(file).slice(`${hall}/`.length).split('/')
  return rest.length > 0 || subFloors[hall]?.[name] !== undefined ? name : ''
}

/** A unit test may need its whole hall, so the floors of a hall inside a room do not bind it. */
function adviceInside(
  room: string,
  file: string,
  target: string,
  isTest: boolean,
): string | undefined {
  return hallsOf(file)
    .filter((hall) => inSrc(target).startsWith(`${hall}/`) && (hall === room || !isTest))
    .map((hall) => adviceOnFloors(hall, roomInside(hall, file), roomInside(hall, target)))
    .find((advice) => advice !== undefined)
}

function adviceOnFloors(hall: string, here: string, there: string): string | undefined {
  const [from, to] = [subFloors[hall]?.[here], subFloors[hall]?.[there]]
  if (here === there || from === undefined || to === undefined || to < from) return undefined
  const direction = to === from ? 'sideways' : 'upwards'
  return `${hall}/${here} imports ${direction} from ${hall}/${there}: move what is shared to a lower floor, or take it as a parameter`
}

function adviceOnModule(
  file: string,
  room: string | undefined,
  { specifier, names }: ImportStatement,
): string | undefined {
  if (!isBuiltin(specifier)) {
    const home = homeOfModule[specifier]
    if (room === undefined)
      return `src/errors.ts and src/index.ts import no package: move what needs ${specifier} into a room`
    if (room === 'wire' || room === 'qmp')
      return `${room}/ imports no package: take what ${specifier} gives as a parameter`
    const isHome = home === undefined || home.includes(room) || home.includes(inSrc(file))
    return isHome ? undefined : adviceOnHome(specifier, home)
  }
  const name = specifier.replace(/^node:/, '')
  const home = homeOfModule[name]
  if (home !== undefined && !home.includes(room ?? '') && !home.includes(inSrc(file)))
    return adviceOnHome(specifier, home)
  const allowed = room === undefined ? undefined : builtinsOfRoom[room]
  if (allowed !== undefined && !allowed.has(name)) {
    return `${room}/ imports no builtin but ${[...allowed].map((each) => `node:${each}`).join(', ')}: do the rest in a room above`
  }
  if ((name === 'fs' || name === 'fs/promises') && !mayWrite(file)) return adviceOnFiles(names)
  return undefined
}

function inSrc(file: string): string {
  return file.slice('src/'.length)
}

function mayWrite(file: string): boolean {
  return writers.some((place) => inSrc(file).startsWith(`${place}/`))
}

function adviceOnHome(specifier: string, home: readonly string[]): string {
  const where = home
    .map((place) => (place.endsWith('.ts') ? `src/${place}` : `src/${place}/`))
    .join(' and ')
  return home.length === 0
    ? `nothing imports ${specifier}`
    : `${specifier} belongs to ${where}: call a function of that room, or take it as a parameter`
}

function adviceOnFiles(names: readonly string[]): string | undefined {
  const where = writers.map((room) => `src/${room}/`).join(' and ')
  if (names.includes('*') || names.includes('default')) {
    return `import the functions of node:fs by name, so that one sees that only ${where} change files`
  }
  const writing = names.filter((name) => writingFunctions.has(name.replace(/Sync$/, '')))
  return writing.length === 0
    ? undefined
    : `only ${where} open and change files: call io/ instead of ${writing.join(', ')} of node:fs`
}
