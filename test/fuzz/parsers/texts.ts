import { InvalidArgumentError } from 'commander'
import * as fc from 'fast-check'
import fs from 'node:fs'
import fsPromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import {
  byteRate,
  compressionLevel,
  integerBetween,
} from '../../../src/cli/options/option-values.ts'
import { allows, checkAllowRule } from '../../../src/domain/trust/allow-rules.ts'
import { checkDomainName } from '../../../src/domain/store/domain-name.ts'
import {
  parseMac,
  parseNumberSet,
  parseUuid,
  parseWhole,
  unitFactor,
} from '../../../src/qemu/domain-xml/values.ts'
import {
  incomingCommandLine,
  unrepeatableArguments,
  withoutQmpMonitors,
} from '../../../src/qemu/foreign/foreign-command-line.ts'
import {
  hostMemory,
  processorTimeMs,
  residentBytes,
  bytesReadBy,
} from '../../../src/qemu/host-facts.ts'
import { lastLines } from '../../../src/qemu/process/process.ts'
import { commandLineOf } from '../../../src/qemu/process/process-file.ts'
import { identifyProcess } from '../../../src/qemu/process/process-identity.ts'
import { Broken, type FuzzParser } from '../parser.ts'
import { badText } from '../shapes.ts'

const VALUES = [
  '1',
  '64',
  '500M',
  '1K',
  'adaptive',
  '-3',
  'path:/srv',
  'emulator:*',
  'listen:0.0.0.0:5900',
  'everything',
]
const OTHERS = [
  '52:54:00:12:34:56',
  '0-3,^2,8',
  '8f4c1e9a-0f1b-4c2d-9e3f-001122334455',
  'KiB',
  '0x10',
  'web',
]

/** Values of options of the command line, and single values of a domain XML. */
const optionParser: FuzzParser = {
  name: 'option-values',
  seeds: () => [...VALUES, ...OTHERS].map((text) => Buffer.from(text)),
  shapes: () =>
    fc
      .tuple(
        fc.constantFrom('', ...VALUES, ...OTHERS),
        badText,
        fc.constantFrom('', 'K', 'G', ':', '-', ','),
      )
      .map((parts) => Buffer.from(parts.join(''))),
  words: ['K', 'M', 'G', 'path:', 'script:', ':', '^', '-', '0x', 'iB', '9007199254740993'],
  expected: [InvalidArgumentError],
  run: async (input) => {
    const text = Buffer.from(input).toString('utf8')
    const results = [
      accepted(
        () => integerBetween(1, 64)(text),
        (value) => value >= 1 && value <= 64,
      ),
      accepted(
        () => byteRate(text),
        (value) => value >= 1024 && value <= 1024 ** 4,
      ),
      accepted(
        () => compressionLevel(text),
        (value) => value === 'adaptive' || Math.abs(value) < 1000,
      ),
      accepted(
        () => checkAllowRule(text),
        (value) => value === text,
      ),
      accepted(
        () => checkDomainName(text),
        () => true,
      ),
    ]
    for (const number of [parseWhole(text), ...(parseNumberSet(text) ?? [])])
      if (number !== undefined && !Number.isSafeInteger(number))
        throw new Broken(`${text} is ${number}`)
    const mac = parseMac(text)
    if (mac !== undefined && parseMac(mac) !== mac)
      throw new Broken(`${mac} is not its own address`)
    const uuid = parseUuid(text)
    if (uuid !== undefined && parseUuid(uuid) !== uuid)
      throw new Broken(`${uuid} is not its own UUID`)
    unitFactor(text)
    const permits = await allows(
      {},
      {
        STASIS_CONFIG: '/dev/null',
        STASIS_ALLOW: text.includes(',')
          ? ''
          : accepts(() => checkAllowRule(text.trim()))
            ? text
            : '',
      },
    )
    await permits({ kind: 'path', use: 'disk', value: '/srv/a', write: true, place: '/' })
    const failure = results.find((error) => error !== undefined)
    if (results.every((error) => error !== undefined)) throw failure
  },
}

function accepts(parse: () => unknown): boolean {
  try {
    parse()
    return true
  } catch {
    return false
  }
}

/** The error of a value that was refused; `undefined` for one that was accepted. */
function accepted<T>(parse: () => T, isRight: (value: T) => boolean): unknown {
  let value: T
  try {
    value = parse()
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw error
    return error
  }
  if (!isRight(value)) throw new Broken(`accepted as ${String(value)}`)
  return undefined
}

const COMMAND_LINE = [
  ...[
    'qemu',
    '-name',
    'guest=a,debug-threads=on',
    '-chardev',
    'socket,id=mon,path=/run/m,server=on,wait=off',
  ],
  ...['-mon', 'chardev=mon,mode=control', '-qmp', 'unix:/q,server=on', '-incoming', 'defer', '-S'],
  ...[
    '-serial',
    'tcp:localhost:4444',
    '-add-fd',
    'fd=3,set=2',
    '-netdev',
    'tap,fd=7',
    '-daemonize',
  ],
]

/** The command line of a QEMU that another program started. */
const commandLineParser: FuzzParser = {
  name: 'command-line',
  seeds: () => [Buffer.from(COMMAND_LINE.join('\0'))],
  shapes: () =>
    fc
      .array(fc.oneof(fc.constantFrom(...COMMAND_LINE), badText), { maxLength: 30 })
      .map((argv) => Buffer.from(argv.join('\0'))),
  words: [
    ...COMMAND_LINE,
    ',server=on',
    ',wait=on',
    'fd=',
    '"fd":"3"',
    '/dev/fdset/1',
    'stasis-control',
  ],
  run: (input) => {
    const argv = Buffer.from(input).toString('utf8').split('\0')
    unrepeatableArguments(argv)
    const kept = withoutQmpMonitors(argv)
    const once = incomingCommandLine(kept)
    const all = [...argv, ...once]
    if (once.some((argument) => typeof argument !== 'string'))
      throw new Broken('an argument is not a text')
    if (all.length > argv.length * 2 + 3) throw new Broken('a command line grows')
  },
}

const STAT = `1 (a) b) S 0 1 1 0 -1 4194560 ${'7 '.repeat(60)}`
const MEMINFO =
  'MemTotal: 24 kB\nSwapTotal: 0 kB\nMemAvailable: 3 kB\nHugePages_Free: 0\nHugepagesize: 2048 kB\n'

/** What the kernel says of a process. The name in it is chosen by the process. */
const procParser: FuzzParser = {
  name: 'proc',
  seeds: () =>
    [STAT, MEMINFO, 'qemu\0-name\0a\0', 'rchar: 3\nwchar: 4\n', '3 4 5 6\n'].map((text) =>
      Buffer.from(text),
    ),
  words: [') ', '(', '\0', 'Z', ' 7', 'rchar: ', 'MemTotal:', 'kB'],
  run: async (input) => {
    const text = Buffer.from(input).toString('latin1')
    await withProc(text, async () => {
      const identity = await identifyProcess(1)
      if (identity !== undefined && !Number.isFinite(identity.startTime))
        throw new Broken(`a process started at ${identity.startTime}`)
      await commandLineOf(1)
      const numbers = [await processorTimeMs(1), await residentBytes(1), bytesReadBy(1)]
      if (numbers.some((number) => number !== undefined && !(number >= 0)))
        throw new Broken(`facts of a process are ${numbers.join(', ')}`)
      const memory = Object.values(await hostMemory())
      if (memory.some((bytes) => !(bytes >= 0)))
        throw new Broken(`the memory of a host is ${memory.join(', ')}`)
    })
    lastLines(text)
  },
}

/** Gives every file in /proc one text. */
async function withProc(text: string, act: () => Promise<void>): Promise<void> {
  const { readFile } = fsPromises
  const { readFileSync } = fs
  const isProc = (path: unknown): boolean => typeof path === 'string' && path.startsWith('/proc/')
  const fake = (path: unknown, ...rest: unknown[]): unknown =>
    isProc(path)
      ? Promise.resolve(text)
      : (readFile as (...args: unknown[]) => unknown)(path, ...rest)
  const fakeSync = (path: unknown, ...rest: unknown[]): unknown =>
    isProc(path) ? text : (readFileSync as (...args: unknown[]) => unknown)(path, ...rest)
  Object.assign(fsPromises, { readFile: fake })
  Object.assign(fs, { readFileSync: fakeSync })
  syncBuiltinESMExports()
  try {
    await act()
  } finally {
    Object.assign(fsPromises, { readFile })
    Object.assign(fs, { readFileSync })
    syncBuiltinESMExports()
  }
}

/** Short texts: options, command lines, files of /proc. */
export const textParsers: readonly FuzzParser[] = [optionParser, commandLineParser, procParser]
