import { readFile, readdir, readlink } from 'node:fs/promises'
import { isThere } from '../../io/files/file-names.ts'

/** Whether a network device of this host is a macvtap. */
export function isMacvtap(device: string): Promise<boolean> {
  return isThere(`/sys/class/net/${device}/macvtap`)
}

/** The tap devices and macvtaps that a process has open, in the order of their descriptors, each once. */
export async function tapDevicesOf(pid: number): Promise<readonly string[]> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => [])
  const names: string[] = []
  for (const fd of fds.map(Number).toSorted((a, b) => a - b)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
    const name = await nameOf(target, `/proc/${pid}/fdinfo/${fd}`)
    if (name !== undefined && !names.includes(name)) names.push(name)
  }
  return names
}

async function nameOf(target: string, facts: string): Promise<string | undefined> {
  const index = /^\/dev\/tap(\d+)$/.exec(target)?.[1]
  if (index !== undefined) return deviceWith(index)
  if (target !== '/dev/net/tun') return undefined
  return /^iff:\s*(\S+)$/m.exec(await readFile(facts, 'latin1').catch(() => ''))?.[1]
}

/** The network device of a number. */
async function deviceWith(index: string): Promise<string | undefined> {
  for (const name of await readdir('/sys/class/net').catch(() => [])) {
    const text = await readFile(`/sys/class/net/${name}/ifindex`, 'latin1').catch(() => '')
    if (text.trim() === index) return name
  }
  return undefined
}

/** The traffic of a network card of a guest. */
export interface DeviceTraffic {
  readonly rxBytes: number
  readonly rxPackets: number
  readonly rxErrors: number
  readonly rxDropped: number
  readonly txBytes: number
  readonly txPackets: number
  readonly txErrors: number
  readonly txDropped: number
}

/**
 * The traffic of a card by its device on the host (proc_net_dev(5)); `undefined` when there is no such device. A tap device counts from the other end: it sends what the guest receives. A
 * macvtap counts as the guest does.
 */
export async function trafficOf(device: string): Promise<DeviceTraffic | undefined> {
  const text = await readFile('/proc/net/dev', 'latin1').catch(() => '')
  const line = text.split('\n').find((one) => one.trim().startsWith(`${device}:`))
  if (line === undefined) return undefined
  const values = line
    .slice(line.indexOf(':') + 1)
    .trim()
    .split(/\s+/)
    .map(Number)
  const [received, sent] = [values.slice(0, 4), values.slice(8, 12)]
  const [rx, tx] = (await isMacvtap(device)) ? [received, sent] : [sent, received]
  const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = rx
  const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = tx
  return {
    ...{ rxBytes, rxPackets, rxErrors, rxDropped },
    ...{ txBytes, txPackets, txErrors, txDropped },
  }
}
