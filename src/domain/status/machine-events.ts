import { StasisError } from '../../errors.ts'
import { listEntries } from '../catalogue/catalogue.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { eachLook } from './each-look.ts'
import { type MachineLook, lookAtMachine } from './machine-look.ts'

/** An event of the machine of a running domain, under virsh's names. */
export type MachineEvent = {
  readonly domain: string
  /** When Stasis saw it, ISO 8601. */
  readonly time: string
} & (
  | {
      readonly event: 'balloon-change'
      /** The guest's memory without what its balloon holds. */
      readonly memoryBytes: number
    }
  | {
      readonly event: 'tray-change'
      /** The alias of the drive, as live domain XML has it. */
      readonly device: string
      readonly tray: 'opened' | 'closed'
    }
  /** A request to the file of a disk has failed, and QEMU has stopped the guest. */
  | { readonly event: 'io-error'; readonly device: string; readonly path: string | undefined }
  /** The agent in the guest has opened or closed its channel. */
  | { readonly event: 'agent-lifecycle'; readonly state: 'connected' | 'disconnected' }
  /** The guest has suspended itself to RAM, or was woken. */
  | { readonly event: 'pm-suspend' | 'pm-wakeup' }
)

/** A type of events of machines. */
export type MachineEventType = MachineEvent['event']

/** Which events of machines to watch. */
export interface MachineEventOptions extends DomainOptions {
  /** Only events of the domain with this name. */
  readonly domain?: string | undefined
  /** Only events of these types. */
  readonly types?: readonly MachineEventType[] | undefined
}

/**
 * Yields events of the machines of running domains from now on, until `signal` is aborted. QEMU reports them only to the client of its monitor, and no client stays there. So this looks four times a
 * second, and does not see a change that is undone between two looks.
 * @throws StorageError
 * @example
 * for await (const event of watchMachineEvents({ types: ['balloon-change', 'tray-change'] }))
 *   console.log(event.domain, event.event)
 */
export async function* watchMachineEvents(
  options: MachineEventOptions = {},
): AsyncGenerator<MachineEvent, void, void> {
  const directories = await openDirectories(options)
  const { types, signal } = options
  for await (const { before, now } of eachLook(() => look(directories, options), signal))
    for (const [domain, machine] of now) {
      const known = before.get(domain)
      const earlier = known?.pid === machine.pid ? known.look : atStart(machine.look)
      for (const happening of changesOf(earlier, machine.look))
        if (types?.includes(happening.event) !== false)
          yield { domain, ...happening, time: new Date().toISOString() }
    }
}

interface Machine {
  readonly pid: number
  readonly look: MachineLook
}

async function look(
  directories: Directories,
  { domain, signal }: MachineEventOptions,
): Promise<ReadonlyMap<string, Machine>> {
  const entries = await listEntries(directories)
  const pairs = entries.map(async ({ name, paths, record }) => {
    if (record?.stage !== 'running' || (domain !== undefined && name !== domain)) return undefined
    try {
      const seen = { pid: record.pid, look: await lookAtMachine(paths, signal) }
      return [name, seen] as const
    } catch (error) {
      // It is ending, or does not answer now.
      if (error instanceof StasisError) return undefined
      throw error
    }
  })
  return new Map((await Promise.all(pairs)).filter((pair) => pair !== undefined))
}

/** A machine as it was when it started, before anything has happened to it. */
function atStart(look: MachineLook): MachineLook {
  const drives = [...look.drives].map(
    ([device, drive]) => [device, { ...drive, failed: false }] as const,
  )
  const agentConnected = look.agentConnected === undefined ? undefined : false
  return { ...look, runState: 'running', drives: new Map(drives), agentConnected }
}

/** What happened to a machine. */
type Happening = Without<MachineEvent, 'domain' | 'time'>

/** Also of a union. */
type Without<Type, Keys extends PropertyKey> = Type extends unknown ? Omit<Type, Keys> : never

function changesOf(old: MachineLook, now: MachineLook): readonly Happening[] {
  const { memoryBytes, agentConnected, runState } = now
  const found: Happening[] = []
  if (memoryBytes !== undefined && memoryBytes !== old.memoryBytes)
    found.push({ event: 'balloon-change', memoryBytes })
  for (const [device, { trayOpen, failed, path }] of now.drives) {
    const drive = old.drives.get(device)
    if (trayOpen !== undefined && drive !== undefined && trayOpen !== drive.trayOpen)
      found.push({ event: 'tray-change', device, tray: trayOpen ? 'opened' : 'closed' })
    if (failed && drive?.failed === false) found.push({ event: 'io-error', device, path })
  }
  if (agentConnected !== undefined && agentConnected !== old.agentConnected)
    found.push({ event: 'agent-lifecycle', state: agentConnected ? 'connected' : 'disconnected' })
  if (runState === 'suspended' && old.runState !== 'suspended') found.push({ event: 'pm-suspend' })
  if (runState === 'running' && old.runState === 'suspended') found.push({ event: 'pm-wakeup' })
  return found
}
