import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { writeDefinition } from '../../src/domain/store/definitions.ts'
import type { Directories } from '../../src/domain/store/directories.ts'
import { type RuntimePaths, runtimePaths } from '../../src/domain/store/runtime-paths.ts'
import { type RuntimeRecord, writeRecord } from '../../src/domain/store/runtime-record.ts'
import { NewImage } from '../../src/image/new-image.ts'
import { readDescription } from '../../src/image/open-image.ts'
import type { MachineDescription } from '../../src/image/saved-machine.ts'
import { monitorArguments } from '../../src/qemu/process/monitors.ts'
import { identifyProcess } from '../../src/qemu/process/process-identity.ts'
import { tempDir } from './temp-dir.ts'

/** A store of domains for tests without a QEMU: a shell takes the place of one. All of it ends with its scope. */
export interface TestStore extends AsyncDisposable {
  readonly directories: Directories
  /** A path beside the store. */
  join(...parts: string[]): string
  paths(name: string): RuntimePaths
  define(name: string, xml?: string): Promise<string>
  /** Makes a running domain; `record` replaces parts of its record. Returns the record. */
  run(name: string, record?: Partial<RuntimeRecord>, xml?: string): Promise<RuntimeRecord>
  /** Makes a domain whose QEMU has died. Returns its record. */
  runDead(name: string, record?: Partial<RuntimeRecord>): Promise<RuntimeRecord>
  /** Ends the process of a running domain. */
  kill(record: RuntimeRecord): Promise<void>
}

export async function testStore(): Promise<TestStore> {
  const dir = await tempDir()
  const directories = { stateDir: dir.join('state'), runtimeDir: dir.join('run') }
  const children = new Map<number, ChildProcess>()
  const kill = async (child: ChildProcess | undefined): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  const store: TestStore = {
    directories,
    join: (...parts) => dir.join(...parts),
    paths: (name) => runtimePaths(directories, name),
    async define(name, xml = smallXml({ name })) {
      await writeDefinition(directories, name, xml)
      return xml
    },
    async run(name, more = {}, xml = smallXml({ name })) {
      const paths = store.paths(name)
      // Its command line names the monitors of the domain, as that of a QEMU does.
      const monitors = { control: paths.controlSocket, query: paths.querySocket }
      const child = spawn('sh', ['-c', 'read line', 'sh', ...monitorArguments(monitors)])
      await new Promise((resolve) => child.once('spawn', resolve))
      const identity = await identifyProcess(child.pid ?? 0)
      if (identity === undefined) throw new Error('sh did not start')
      children.set(identity.pid, child)
      const record = { ...identity, ...FACTS, ...more }
      await mkdir(paths.directory, { recursive: true })
      await writeFile(paths.liveXml, xml)
      await writeRecord(paths, record)
      return record
    },
    async runDead(name, more = {}) {
      const record = await store.run(name, more)
      await store.kill(record)
      return record
    },
    kill: ({ pid }) => kill(children.get(pid)),
    async [Symbol.asyncDispose]() {
      await Promise.all([...children.values()].map(kill))
      await dir[Symbol.asyncDispose]()
    },
  }
  return store
}

const FACTS = {
  stage: 'running',
  uuid: '11111111-2222-4333-8444-555555555555',
  emulator: '/bin/sh',
  qemuVersion: '10.0.0',
  commandLine: [],
} as const

/** Parts of a small domain XML. */
export interface SmallXml {
  readonly name: string
  readonly uuid?: string
  /** Elements beside those that every domain has. */
  readonly more?: string
  readonly devices?: string
}

/** A small domain XML with the UUID of the records of `TestStore.run`. */
export function smallXml({ name, uuid = FACTS.uuid, more = '', devices = '' }: SmallXml): string {
  return `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid>${more}
  <memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
  <devices>${devices}</devices></domain>
`
}

/** Writes a complete image in the format `raw`, whose stream is only its two ends. Returns its description. */
export async function writeRawImage(
  path: string,
  description: Partial<MachineDescription> = {},
): Promise<MachineDescription> {
  const whole = { xml: '<domain/>', cookie: undefined, wasRunning: true, ...description }
  await using image = await NewImage.create(path, {
    format: 'raw',
    description: whole,
    direct: false,
  })
  const stream = Buffer.from([0x51, 0x45, 0x56, 0x4d, 0, 0, 0, 3, 0x7e, 0, 0, 0, 2, 0])
  await image.file.write(stream, image.bodyOffset)
  await image.publish(image.bodyOffset + stream.length)
  return await readDescription(path)
}
