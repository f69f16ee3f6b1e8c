import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { DomainError, DomainXmlError } from '../../errors.ts'
import type { CharacterBackend } from '../../qemu/domain-xml/model/characters/character.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { type ProcessIdentity, mayBeAlive } from '../../qemu/process/process-identity.ts'
import { findRunning } from '../catalogue/running-entry.ts'
import {
  type ConsoleStreams,
  openFileConsole,
  openPtyConsole,
  openSocketConsole,
} from './console-streams.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { readLiveXml } from '../catalogue/domain-xml.ts'
import { serialPty } from '../machine/serial-pty.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** A connection to the serial console of a running domain. */
export interface DomainConsole extends ConsoleStreams {
  /** The domain. */
  readonly name: string
  /** The pty, socket or file behind the serial port. */
  readonly path: string
  /** Resolves when the far end closes or the domain ends. */
  readonly ended: Promise<void>
}

const WATCH_MS = 300

/**
 * Connects to the first serial port of a running domain, given by name, UUID or id. A pty or unix socket can be read and written, a file can be followed.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING; DomainXmlError XML_UNSUPPORTED if no console can connect to it
 * @example
 * await using console = await openConsole('web')
 * console.output.pipe(process.stdout)
 * console.input?.write('root\n')
 * await console.ended
 */
export async function openConsole(
  reference: string,
  options: DomainOptions = {},
): Promise<DomainConsole> {
  const { name, paths, record } = await findRunning(await openDirectories(options), reference)
  const document = parseDomainXml(await readLiveXml(paths))
  const { domain } = readDomain(document, { tolerant: true })
  const { path, open } = await locate(domain, paths, options.signal)
  const streams = await open(path)
  const watch = new AbortController()
  return {
    name,
    path,
    output: streams.output,
    input: streams.input,
    ended: Promise.race([closed(streams.output), gone(record, watch.signal)]),
    async [Symbol.asyncDispose](): Promise<void> {
      watch.abort()
      await streams[Symbol.asyncDispose]()
    },
  }
}

interface Located {
  readonly path: string
  readonly open: (path: string) => Promise<ConsoleStreams>
}

async function locate(
  domain: Domain,
  paths: RuntimePaths,
  signal: AbortSignal | undefined,
): Promise<Located> {
  const backend = domain.serials[0]?.backend ?? domain.consoles[0]?.backend
  switch (backend?.type) {
    case 'pty':
      return { path: await ptyOf(paths, signal), open: openPtyConsole }
    case 'unix':
      if (backend.path !== undefined && backend.mode === 'bind')
        return { path: backend.path, open: openSocketConsole }
      throw unreachable(domain, backend)
    case 'file':
      if (backend.path !== undefined) return { path: backend.path, open: openFileConsole }
      throw unreachable(domain, backend)
    default:
      throw unreachable(domain, backend)
  }
}

async function ptyOf(paths: RuntimePaths, signal: AbortSignal | undefined): Promise<string> {
  const path = await serialPty(paths, signal)
  if (path !== undefined) return path
  throw new DomainError('DOMAIN_WRONG_STATE', 'QEMU has not opened a pty for the serial port')
}

function unreachable(domain: Domain, backend: CharacterBackend | undefined): DomainXmlError {
  const found = backend === undefined ? 'no serial port' : `a serial port of type ${backend.type}`
  return new DomainXmlError(
    'XML_UNSUPPORTED',
    `Domain '${domain.name}' has ${found}, to which a console cannot connect`,
    { hint: "Add <serial type='pty'/>, or a serial port of type unix or file" },
  )
}

async function closed(output: Readable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const event of ['end', 'close', 'error'] as const) output.once(event, () => resolve())
  await promise
}

async function gone(identity: ProcessIdentity, signal: AbortSignal): Promise<void> {
  while (await mayBeAlive(identity)) {
    try {
      await delay(WATCH_MS, undefined, { signal, ref: false })
    } catch {
      return
    }
  }
}
