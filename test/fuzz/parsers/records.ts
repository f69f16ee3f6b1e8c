import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { jobText } from '../../../src/cli/reports/job.ts'
import { domainInfo } from '../../../src/domain/status/info.ts'
import { listDomains } from '../../../src/domain/status/list.ts'
import { domainStateReason } from '../../../src/domain/status/state-reason.ts'
import { jobInfo } from '../../../src/domain/status/watch-job.ts'
import { imageOfDomain } from '../../../src/domain/status/domain-image.ts'
import { conditionOf } from '../../../src/domain/catalogue/condition.ts'
import {
  describeCached,
  listCached,
  useCached,
} from '../../../src/domain/store/saves/cached-images.ts'
import type { Directories } from '../../../src/domain/store/directories.ts'
import { changeOfDisks } from '../../../src/domain/store/disks/disk-identity.ts'
import { readHostList } from '../../../src/domain/store/host/host-list.ts'
import { readHistory } from '../../../src/domain/store/saves/image-history.ts'
import { readLastEnd } from '../../../src/domain/store/last-end.ts'
import { orderPath, readOrder } from '../../../src/domain/store/saves/page-order-file.ts'
import {
  faultError,
  isBrought,
  readPostcopyProgress,
  readPostcopyRecord,
} from '../../../src/domain/store/postcopy-record.ts'
import { postcopyState } from '../../../src/domain/store/postcopy-state.ts'
import { readRecord } from '../../../src/domain/store/runtime-record.ts'
import { type RuntimePaths, runtimePaths } from '../../../src/domain/store/runtime-paths.ts'
import { loadProbe, storeProbe } from '../../../src/qemu/probe/probe-cache.ts'
import { formatPageOrder } from '../../../src/transfer/page-server/page-order.ts'
import { domainXml } from '../../support/domain-xml.ts'
import { Broken, type Bench, type FuzzParser } from '../parser.ts'
import { badText, jsonShapes } from '../shapes.ts'
import * as fc from 'fast-check'
import { elsewhereIn } from '../../../src/domain/ownership/elsewhere.ts'
import { readOwner, thisPlace } from '../../../src/domain/ownership/owner.ts'
import { requireNotAway } from '../../../src/domain/ownership/shared-mark.ts'
import { foreignHostFault, isShared } from '../../../src/domain/ownership/state-host.ts'

const NAME = 'web'
const KEY = '0123456789abcdef0123456789abcdef'
const TIME = '2026-01-02T03:04:05.000Z'
const DISK = {
  target: 'vda',
  path: '/dev/null',
  sizeBytes: 0,
  modifiedNs: '17000000000',
  content: 'ab',
}
const PROCESS = { pid: 1, startTime: 3, bootId: 'b' }
const TENANT = { ...PROCESS, hostId: 'h', hostName: 'n', runtimeDir: '/r', since: TIME }
const FAULT = {
  kind: 'image',
  code: 'IMAGE_CORRUPT',
  message: 'm',
  path: '/a',
  offset: 3,
  hint: 'h',
}
const TRANSFER = {
  ...{ phase: 'transferring', percent: 3, elapsedMs: 5, etaMs: 9, rateBytesPerSecond: 3 },
  ...{ ramBytes: 3, ramTotalBytes: 9, transferredBytes: 4, fileBytes: 3, channelBytes: [1, 2] },
}
const JOB = {
  ...{ version: 1, operation: 'save', id: 'a', process: PROCESS, startedAt: TIME, elapsedMs: 4 },
  ...{ progress: TRANSFER, transfer: TRANSFER },
}
const BLOCKS = [{ name: 'pc.ram', length: 64 * 4096, linearOffset: undefined }]

/** A state file: where it is, what may be in it, and who reads it. */
interface StateFile {
  readonly name: string
  readonly seeds: readonly unknown[]
  readonly path: (directories: Directories, paths: RuntimePaths) => string
  readonly read: (directories: Directories, paths: RuntimePaths) => Promise<unknown>
}

const FILES: readonly StateFile[] = [
  {
    name: 'process',
    seeds: [
      {
        ...{ version: 1, stage: 'running', uuid: KEY, emulator: '/bin/qemu', qemuVersion: '7.2.0' },
        ...{ commandLine: ['a'], ...PROCESS, executable: '/bin/q', attached: { cwd: '/' } },
        ...{ logOffset: 7, frozen: true },
        saving: { path: '/a', imageId: KEY, running: true },
        restoredFrom: { path: '/b', imageId: KEY, managed: true, begun: true, disks: [DISK] },
      },
      {
        ...{ stage: 'starting', uuid: KEY, emulator: '/bin/qemu', qemuVersion: '7.2.0' },
        ...{
          commandLine: [],
          ...PROCESS,
          origin: { path: '/b', key: KEY, managed: false, begun: false },
        },
      },
    ],
    path: (_, { process }) => process,
    read: async (_, paths) => {
      const record = await readRecord(paths)
      await conditionOf(paths)
      const { disks } = record?.restoredFrom ?? {}
      if (disks !== undefined) await changeOfDisks(disks, [DISK])
      return record
    },
  },
  {
    name: 'postcopy',
    seeds: [
      {
        ...{ version: 1, id: 'a', image: '/i', machine: 'm', direct: true, readers: 2 },
        ...{
          hostPageSizes: { 'pc.ram': 4096 },
          orderPath: '/o',
          server: PROCESS,
          supervisor: PROCESS,
        },
        fault: FAULT,
      },
    ],
    path: (_, { postcopy }) => postcopy,
    read: async (_, paths) => {
      const record = await readPostcopyRecord(paths)
      if (record?.fault !== undefined) isError(faultError(record.fault))
      if (record !== undefined) await isBrought(record)
      await postcopyState(paths)
      return record
    },
  },
  {
    name: 'postcopy-progress',
    seeds: [
      {
        ...{
          version: 1,
          id: 'a',
          remainingBytes: 4096,
          totalBytes: 8192,
          requests: 3,
          done: false,
        },
        fault: { ...FAULT, waiting: true },
      },
    ],
    path: (_, { postcopyProgressFile }) => postcopyProgressFile,
    read: async (_, paths) => {
      const progress = await readPostcopyProgress(paths, 'a')
      if (progress?.fault !== undefined) isError(faultError(progress.fault))
      return progress
    },
  },
  {
    name: 'job',
    seeds: [JOB],
    path: (_, { job }) => job,
    read: (directories) => jobInfo(NAME, directories),
  },
  {
    name: 'last-job',
    seeds: [
      { ...JOB, outcome: 'completed', result: { timing: { downtimeMs: 3 } } },
      { ...JOB, outcome: 'failed', error: 'it failed' },
    ],
    path: (_, { lastJob }) => lastJob,
    read: async (directories) => {
      const job = await jobInfo(NAME, { ...directories, completed: true })
      jobText(job)
      return job
    },
  },
  {
    name: 'last-end',
    seeds: [{ version: 1, reason: 'saved', time: TIME, lastLines: 'a', image: '/dev/null' }],
    path: (_, { lastEnd }) => lastEnd,
    read: async (directories, paths) => {
      await imageOfDomain(NAME, directories)
      return readLastEnd(paths)
    },
  },
  {
    name: 'history',
    seeds: [
      { version: 1, path: '/a', disks: [DISK], restoredAt: TIME, descriptions: [KEY] },
      { version: 1, path: '/a', copies: ['/b'], domain: 'web', uuid: 'u', savedAt: TIME },
      { version: 1, path: '/a', consumed: { time: TIME, host: 'n', generation: 3 } },
    ],
    path: ({ stateDir }) => join(stateDir, 'images', `${KEY}.json`),
    read: async (directories) => {
      const history = await readHistory(directories, KEY)
      if (history !== undefined) await changeOfDisks(history.disks ?? [], [DISK])
      return history
    },
  },
  {
    name: 'owner',
    seeds: [
      { version: 1, holder: { ...TENANT, verb: 'start' } },
      { version: 1, runner: { ...TENANT, generation: 3 } },
      { version: 1 },
    ],
    path: ({ stateDir }) => join(stateDir, 'owners', NAME, '5.json'),
    read: async (directories) => {
      const owner = await readOwner(directories, NAME)
      await elsewhereIn(owner, await thisPlace(directories))
      return owner
    },
  },
  {
    name: 'shared-mark',
    seeds: [{ version: 1, stateDir: '/srv/cell/state' }],
    path: ({ runtimeDir }) => join(runtimeDir, 'shared-state.json'),
    read: requireNotAway,
  },
  {
    name: 'state-host',
    seeds: [
      { version: 1, id: 'a', name: 'n' },
      { version: 2, id: 'a', name: 'n', shared: 'yes' },
      { version: 2, id: 'a', name: 'n', shared: 'begun' },
    ],
    path: ({ stateDir }) => join(stateDir, 'host.json'),
    read: async (directories) => {
      await foreignHostFault(directories)
      return isShared(directories)
    },
  },
  {
    name: 'host-list',
    seeds: [{ version: 1, names: ['a', 'b'] }, ['a']],
    path: ({ stateDir }) => join(stateDir, 'host-saved.json'),
    read: (directories) => readHostList(directories),
  },
  {
    name: 'image-cache',
    seeds: [{ version: 1, image: '/a', blocks: [{ name: 'pc.ram', file: '0.ram', length: 4096 }] }],
    path: ({ stateDir }) => join(stateDir, 'image-cache', KEY, 'entry.json'),
    read: async (directories) => {
      await listCached(directories)
      await describeCached(directories, KEY).catch((error: unknown) => isError(error))
      return useCached(directories, KEY)
    },
  },
]

function isError(error: unknown): void {
  if (!(error instanceof Error)) throw new Broken(`an error that is ${String(error)}`)
  if (!('code' in error)) throw error
}

/** What looks at every domain, whatever its files say. */
async function look(directories: Directories): Promise<void> {
  await listDomains({ ...directories, state: 'all' } as Parameters<typeof listDomains>[0])
  await domainInfo(NAME, directories)
  await domainStateReason(NAME, directories)
}

function directoriesIn({ directory }: Bench): Directories {
  const stateDir = join(directory, 'state')
  mkdirSync(join(stateDir, 'domains'), { recursive: true, mode: 0o700 })
  mkdirSync(join(stateDir, 'run'), { recursive: true, mode: 0o700 })
  const options = {
    name: NAME,
    guest: 'tiny',
    emulator: '/bin/qemu',
    serial: { type: 'pty' },
  } as const
  writeFileSync(join(stateDir, 'domains', `${NAME}.xml`), domainXml(options))
  return { stateDir, runtimeDir: join(stateDir, 'run') }
}

function recordParser({ name, seeds, path, read }: StateFile): FuzzParser {
  let directories: Directories | undefined
  return {
    name: `record-${name}`,
    seeds: () => seeds.map((seed) => Buffer.from(JSON.stringify(seed))),
    shapes: () => jsonShapes(seeds),
    words: [
      'null',
      'true',
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      '-1',
      '1e400',
      '"version":2',
      '"__proto__":',
      '\\u0000',
    ],
    run: async (input, bench) => {
      directories ??= directoriesIn(bench)
      const paths = runtimePaths(directories, NAME)
      const file = path(directories, paths)
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeFileSync(file, input, { mode: 0o600 })
      const found = await read(directories, paths)
      await look(directories)
      if (!readFileSync(file).equals(input)) throw new Broken('a look changes the file')
      return found
    },
  }
}

const orders = (): readonly string[] => {
  const ranges = [
    { block: 0, firstPage: 3, pageCount: 4 },
    { block: 0, firstPage: 0, pageCount: 1 },
  ]
  return [formatPageOrder('machine', BLOCKS, ranges)]
}

/** The order in which a guest asked for its pages. */
const orderParser: FuzzParser = {
  name: 'page-order',
  seeds: () => orders().map((text) => Buffer.from(text)),
  shapes: () =>
    fc
      .array(fc.tuple(badText, badText, fc.constantFrom('pc.ram', 'x', '')), { maxLength: 20 })
      .map((lines) => {
        const text = lines.map((line) => line.join(' ')).join('\n')
        return Buffer.from(`stasis page order 1\nmachine\n${text}\n`)
      }),
  words: ['stasis page order 1\n', 'machine\n', ' pc.ram\n', '4294967295 1 '],
  run: async (input, { directory }) => {
    const path = orderPath({ stateDir: directory }, '/image')
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, input)
    const ranges = await readOrder(path, 'machine', BLOCKS)
    for (const { block, firstPage, pageCount } of ranges) {
      const end = (firstPage + pageCount) * 4096
      if (pageCount < 1 || end > (BLOCKS[block]?.length ?? 0))
        throw new Broken(`pages ${firstPage} to ${firstPage + pageCount} of a block of 64`)
    }
    return ranges.length > 0
  },
}

const PROBED = {
  ...{ emulator: '/bin/qemu', version: '7.2.0', packager: '', kvmUsable: true, sandbox: true },
  machines: [
    { name: 'pc-q35-7.2', alias: 'q35', isDefault: false, deprecated: false, maxCpus: 288 },
  ],
  migrationCapabilities: ['multifd'],
  cpuProperties: [],
  gicVersions: [3],
}

/** What a QEMU can do, from an earlier probe. */
const probeParser: FuzzParser = {
  name: 'probe-cache',
  seeds: () => [Buffer.from(JSON.stringify({ version: 1, key: KEY, probed: PROBED }))],
  shapes: () => jsonShapes([{ version: 1, key: KEY, probed: PROBED }]),
  words: ['null', '"machines":', '"alias":'],
  run: async (input, { directory }) => {
    const place = join(directory, 'probe')
    mkdirSync(place, { recursive: true })
    await storeProbe(place, KEY, PROBED)
    const [name = ''] = (await import('node:fs')).readdirSync(place)
    writeFileSync(join(place, name), input)
    const probed = await loadProbe(place, KEY)
    rmSync(place, { recursive: true })
    if (probed === undefined) return false
    const texts = [
      probed.version,
      probed.emulator,
      ...probed.machines.map((machine) => machine.name),
    ]
    if (
      texts.some((text) => typeof text !== 'string') ||
      !Array.isArray(probed.migrationCapabilities)
    )
      throw new Broken('a probe without its parts is accepted')
    return true
  },
}

/** The state files of domains, images and QEMUs. */
export const recordParsers: readonly FuzzParser[] = [
  ...FILES.map(recordParser),
  orderParser,
  probeParser,
]
