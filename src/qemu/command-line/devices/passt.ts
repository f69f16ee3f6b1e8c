import { join } from 'node:path'
import type { NetworkInterface } from '../../domain-xml/model/devices/interface.ts'
import type { AllPortsForward, PortForward } from '../../domain-xml/model/devices/port-forward.ts'

/** Where passt listens if QEMU does not inherit a connection to it. */
export function passtSocket(directory: string = '/run', index: number): string {
  return join(directory, `passt${index}.sock`)
}

/** How passt meets its QEMU: by a descriptor, or by a socket on which it listens. QEMU accepts only a socket for `vhostuser`. */
export type PasstMeeting = { readonly fd: number } | { readonly socket: string }

/** The arguments of passt(1) for a card; `user` is the user that it changes to. It ends when QEMU closes its connection. */
export function passtArguments(
  card: NetworkInterface,
  meeting: PasstMeeting,
  user: string | undefined,
): readonly string[] {
  const { type, passt, addresses, forwards, allPortsForwards } = card
  return [
    ...('fd' in meeting
      ? ['--foreground', '--fd', String(meeting.fd)]
      : ['--foreground', '--one-off', '--socket', meeting.socket]),
    ...(type === 'vhostuser' ? ['--vhost-user'] : []),
    ...(user === undefined ? [] : ['--runas', user]),
    ...(passt?.device === undefined ? [] : ['--interface', passt.device]),
    ...(passt?.logFile === undefined ? [] : ['--log-file', passt.logFile]),
    ...addresses.flatMap(({ family, address, prefix }) => [
      ...['--address', address],
      ...(family === 'ipv4' && prefix !== undefined ? ['--netmask', String(prefix)] : []),
    ]),
    ...forwards.flatMap((one) => [
      portsOption(one),
      `${sideOf(one)}${one.hostPort}:${one.guestPort}`,
    ]),
    ...allPortsForwards.flatMap((one) => {
      const ports = one.except.map((port) => `~${port}`).join(',') || 'all'
      return [portsOption(one), `${sideOf(one)}${ports}`]
    }),
  ]
}

function portsOption({ protocol }: Pick<PortForward, 'protocol'>): string {
  return `--${protocol}-ports`
}

/** `ADDRESS%DEVICE/`, where there is one. */
function sideOf({ hostAddress, device }: Pick<AllPortsForward, 'hostAddress' | 'device'>): string {
  const on = device === undefined ? '' : `%${device}`
  return hostAddress === '' && on === '' ? '' : `${hostAddress}${on}/`
}
