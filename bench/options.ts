import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheDir } from '../test/support/cache-dir.ts'
import type { ContentName } from './content/make-content.ts'
import { SUITES, type SuiteName } from './suites/suite-table.ts'

/** What the command line asks for. */
export interface BenchOptions {
  readonly suites: readonly SuiteName[]
  /** `undefined`: the suite's own number. */
  readonly rounds: number | undefined
  /** Guests of these sizes, one after the other. */
  readonly ramBytes: readonly number[]
  readonly contents: readonly ContentName[]
  readonly channels: readonly number[]
  readonly directory: string
  /** The file for the results; `-` is standard output. */
  readonly json: string | undefined
  /** Parts of names of scenarios; empty: all. */
  readonly only: readonly string[]
  readonly against: string | undefined
  readonly emulator: string
  readonly mapsInPlace: boolean
}

const GIB = 2 ** 30

/** Reads the arguments; throws a sentence about one that is wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      ram: { type: 'string' },
      content: { type: 'string', default: 'mixed' },
      channels: { type: 'string', default: '1,2,4,8,16,64' },
      directory: { type: 'string', default: join(cacheDir, 'bench') },
      qemu: { type: 'string', default: '10' },
      against: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  const ram = (values.ram ?? (values.quick ? '0.5' : '4')).split(',')
  const rounds = values.rounds ?? (values.quick ? '1' : undefined)
  return {
    suites: positionals.map((word) => oneOf(Object.keys(SUITES) as SuiteName[], word)),
    rounds: rounds === undefined ? undefined : positive('--rounds', rounds),
    ramBytes: ram.map((gib) => positive('--ram', gib) * GIB),
    contents: values.content.split(',').map((word) => oneOf(['mixed', 'linux'] as const, word)),
    channels: values.channels.split(',').map((count) => positive('--channels', count)),
    directory: values.directory,
    json: values.json,
    only: values.only,
    against: values.against,
    emulator: emulatorOf(values.qemu),
    mapsInPlace: values.qemu !== '7.2',
  }
}

/** The arguments that say what was measured, without the paths of this machine. */
export function shownArguments(args: readonly string[]): readonly string[] {
  const path = /^--(json|directory|against)/
  return args.filter(
    (arg, index) => !path.test(arg) && !/^--(json|directory|against)$/.test(args[index - 1] ?? ''),
  )
}

function oneOf<Word extends string>(words: readonly Word[], given: string): Word {
  const word = words.find((one) => one === given)
  if (word === undefined) throw new Error(`unknown word "${given}": ${words.join(', ')}`)
  return word
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${option} must be above 0, got "${text}"`)
  return value
}

/** The distribution's QEMU, or one that `scripts/bench` has unpacked. */
function emulatorOf(version: string): string {
  const program = 'qemu-system-x86_64'
  return oneOf(['7.2', '10', '11'] as const, version) === '7.2'
    ? `/usr/bin/${program}`
    : join(cacheDir, `qemu-${version}`, program)
}
