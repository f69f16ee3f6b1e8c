import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
  undefineDomain,
} from '../../src/index.ts'
import type { SaveFormat } from '../../src/image/save-format.ts'
import { CounterLog } from './counter-log.ts'
import { domainXml } from './domain-xml.ts'
import { GuestConsole } from './guest-console.ts'
import { computeFillSum } from './guest-memory.ts'
import type { Guest } from './guests.ts'
import type { LibvirtBed } from './libvirt-bed.ts'
import { type TempDir, tempDir } from './temp-dir.ts'

/** The program that saves or restores. */
export type Side = 'virsh' | 'stasis'

/** How an image is written. */
export interface TravelFormat {
  readonly format: SaveFormat
  /** Channels of a sparse image. */
  readonly channels?: number
  readonly bypassCache?: boolean
}

/** A kind of guest. */
export interface GuestKind {
  readonly guest: Guest
  /** Versioned, so that both sides use the same machine. */
  readonly machine: string
  readonly emulator: string
}

/** The memory content that the Linux guest makes. */
const FILLED_MIB = 16

/** A guest that moves between Stasis and a real libvirt, and checks after each move whether it is unchanged. */
export class TravellingGuest implements AsyncDisposable {
  readonly name: string
  readonly dir: TempDir
  readonly xml: string
  readonly #bed: LibvirtBed
  readonly #kind: GuestKind
  /** All its output. */
  readonly #logPath: string

  private constructor(bed: LibvirtBed, kind: GuestKind, dir: TempDir) {
    this.#bed = bed
    this.#kind = kind
    this.name = `${kind.guest}-${kind.machine}`
    this.dir = dir
    this.#logPath = dir.join('log')
    const xml = travelXml(this.name, kind, dir)
    this.xml = bed.version === '9.0' ? withoutWatchdog(xml) : xml
  }

  /** Starts a guest with Stasis; waits until it counts. */
  static async start(bed: LibvirtBed, kind: GuestKind): Promise<TravellingGuest> {
    const guest = new TravellingGuest(bed, kind, await tempDir())
    try {
      const { stateDir } = guest
      await defineDomain(guest.xml, { stateDir })
      await startDomain(guest.name, { stateDir })
      // From now on it exists only in its images.
      await undefineDomain(guest.name, { stateDir })
      if (kind.guest === 'linux') await guest.#fill()
      else await new CounterLog(guest.#logPath).advance(2)
      return guest
    } catch (error) {
      await guest[Symbol.asyncDispose]()
      throw error
    }
  }

  get stateDir(): string {
    return this.dir.join('state')
  }

  /** Saves it to a file with this name; returns the path. */
  async save(side: Side, file: string, how: TravelFormat): Promise<string> {
    const path = this.dir.join(file)
    const { format, channels, bypassCache = false } = how
    if (side === 'stasis') {
      await saveDomain(this.name, path, { stateDir: this.stateDir, format, channels, bypassCache })
      return path
    }
    const flags = [
      // libvirt 9.0 does not have the option; the bed's setting replaces it.
      ...(this.#bed.version === '9.0' ? [] : ['--image-format', format]),
      ...(channels === undefined ? [] : ['--parallel-channels', String(channels)]),
      ...(bypassCache ? ['--bypass-cache'] : []),
    ]
    await this.#bed.virsh('save', this.name, path, ...flags)
    return path
  }

  /** Restores it. */
  async restore(side: Side, path: string): Promise<void> {
    if (side === 'virsh') await this.#bed.virsh('restore', path)
    else await restoreDomain(path, { stateDir: this.stateDir })
  }

  /** Asserts that it continues where it was: no number is missing or repeated, and its memory is right. */
  async assertItself(): Promise<void> {
    if (this.#kind.guest === 'tiny') {
      const log = new CounterLog(this.#logPath)
      await log.advance(2)
      await log.assertUnbroken()
      return
    }
    await using console = await this.#console()
    await console.waitForLine(/^TICK \d+$/)
    const [, sum] = await console.ask('sum', /^SUM (\w+)$/)
    assert.equal(sum, computeFillSum(FILLED_MIB), 'checksum of what was filled')
    const text = await readFile(this.#logPath, 'latin1')
    const ticks = [...text.matchAll(/^TICK (\d+)\r?$/gm)].map(([, tick]) => Number(tick))
    ticks.forEach((tick, index) => assert.equal(tick, index + 1, `gap or repetition in ticks`))
  }

  /** Bytes that an image uses on disk. */
  async sizeOf(path: string): Promise<number> {
    return (await stat(path)).blocks * 512
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await destroyDomain(this.name, { stateDir: this.stateDir }).catch(() => undefined)
    await this.#bed.virsh('destroy', this.name).catch(() => undefined)
    await this.dir[Symbol.asyncDispose]()
  }

  async #fill(): Promise<void> {
    await using console = await this.#console()
    await console.waitForLine(/^TICK 1$/, { timeoutMs: 90_000 })
    await console.ask(`fill ${FILLED_MIB}`, /^FILLED (\w+)$/, { timeoutMs: 60_000 })
  }

  #console(): Promise<GuestConsole> {
    return GuestConsole.connect(this.dir.join('serial'))
  }
}

/** Both sides write the serial port to a log. The Linux guest also answers on a socket. */
function travelXml(name: string, kind: GuestKind, dir: TempDir): string {
  const log = dir.join('log')
  if (kind.guest === 'tiny') {
    return domainXml({ ...kind, name, serial: { type: 'file', path: log } })
  }
  const xml = domainXml({ ...kind, name, serial: { type: 'unix', path: dir.join('serial') } })
  return xml.replaceAll(/(<source mode='bind'.*\n)/g, `$1      <log file='${log}' append='on'/>\n`)
}

/** Without q35's own watchdog, whose name libvirt 9.0 does not have. */
function withoutWatchdog(xml: string): string {
  return xml.replace(/ *<watchdog model='itco'.*\n/, '')
}
