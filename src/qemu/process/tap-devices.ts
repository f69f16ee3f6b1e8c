import { readFile, readdir, readlink } from 'node:fs/promises'

/** The tap devices that a process has open, in the order of their descriptors, each once. */
export async function tapDevicesOf(pid: number): Promise<readonly string[]> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => [])
  const names: string[] = []
  for (const fd of fds.map(Number).toSorted((a, b) => a - b)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
    if (target !== '/dev/net/tun') continue
    const facts = await readFile(`/proc/${pid}/fdinfo/${fd}`, 'latin1').catch(() => '')
    const name = /^iff:\s*(\S+)$/m.exec(facts)?.[1]
    if (name !== undefined && !names.includes(name)) names.push(name)
  }
  return names
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

/** The traffic of a card by its tap device on the host (proc_net_dev(5)): the guest receives what the device sends. `undefined` when there is no such device. */
export async function trafficOf(device: string): Promise<DeviceTraffic | undefined> {
  const text = await readFile('/proc/net/dev', 'latin1').catch(() => '')
  const line = text.split('\n').find((one) => one.trim().startsWith(`${device}:`))
  if (line === undefined) return undefined
  const values = line.slice(line.indexOf(':') + 1)
  const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0, , , , , ...sent] = values
    .trim()
    .split(/\s+/)
    .map(Number)
  const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = sent
  return {
    rxBytes,
    rxPackets,
    rxErrors,
    rxDropped,
    txBytes,
    txPackets,
    txErrors,
    txDropped,
  }
}
