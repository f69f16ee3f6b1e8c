import type { NetworkInterface } from '../../domain-xml/model/devices/interface.ts'
import type { AllPortsForward, PortForward } from '../../domain-xml/model/devices/port-forward.ts'

/** The arguments of passt(1) for a card: `fd` is its connection to QEMU, `user` the one that it changes to. */
export function passtArguments(
  card: NetworkInterface,
  { fd, user }: { readonly fd: number; readonly user: string | undefined },
): readonly string[] {
  const { type, passt, addresses, forwards, allPortsForwards } = card
  return [
    ...['--foreground', '--fd', String(fd)],
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
