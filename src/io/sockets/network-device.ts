import { closeDescriptor, ioctl, openControlSocket } from '../system-calls.ts'

// struct ifreq (netdevice(7)): the name, then a union. Numbers from Linux include/uapi/linux/{sockios,if,if_arp}.h.
const IFREQ_BYTES = 40
/** Where the union begins, after the name. */
export const IFREQ_UNION = 16
const SIOCGIFFLAGS = 0x8913
const SIOCSIFFLAGS = 0x8914
const SIOCSIFMTU = 0x8922
const SIOCSIFHWADDR = 0x8924
const SIOCGIFINDEX = 0x8933
const SIOCBRADDIF = 0x89a2
const ARPHRD_ETHER = 1
const IFF_UP = 1

/** `struct ifreq` of a network device, with its union empty. */
export function ifreq(name: string): Buffer {
  const bytes = Buffer.alloc(IFREQ_BYTES)
  bytes.write(name, 0, IFREQ_UNION - 1, 'latin1')
  return bytes
}

/** The number of a network device. @throws SystemCallError */
export function deviceIndex(name: string): number {
  return ask(SIOCGIFINDEX, ifreq(name)).readInt32LE(IFREQ_UNION)
}

/** @throws SystemCallError */
export function setHardwareAddress(name: string, mac: string): void {
  const request = ifreq(name)
  request.writeUInt16LE(ARPHRD_ETHER, IFREQ_UNION)
  Buffer.from(mac.replaceAll(':', ''), 'hex').copy(request, IFREQ_UNION + 2)
  ask(SIOCSIFHWADDR, request)
}

/** @throws SystemCallError */
export function setMtu(name: string, mtu: number): void {
  ask(SIOCSIFMTU, withNumber(name, mtu))
}

/** Makes a device a port of a bridge of Linux. @throws SystemCallError */
export function addToBridge(name: string, bridge: string): void {
  ask(SIOCBRADDIF, withNumber(bridge, deviceIndex(name)))
}

/** Lets a device send and receive. @throws SystemCallError */
export function bringUp(name: string): void {
  const flags = ask(SIOCGIFFLAGS, ifreq(name))
  flags.writeUInt16LE(flags.readUInt16LE(IFREQ_UNION) | IFF_UP, IFREQ_UNION)
  ask(SIOCSIFFLAGS, flags)
}

function ask(request: number, argument: Buffer): Buffer {
  const socket = openControlSocket()
  try {
    ioctl(socket, request, argument)
    return argument
  } finally {
    closeDescriptor(socket)
  }
}

function withNumber(name: string, value: number): Buffer {
  const bytes = ifreq(name)
  bytes.writeInt32LE(value, IFREQ_UNION)
  return bytes
}
