import { constants, openSync, closeSync } from 'node:fs'
import { closeDescriptor, ioctl, openControlSocket } from '../system-calls.ts'

/** A tap device to make. */
export interface TapRequest {
  /** Its name; `%d` in it becomes a free number. */
  readonly name: string
  /** The bridge whose port it becomes; `undefined`: of none, and it stays down. */
  readonly bridge: string | undefined
  readonly queues: number
  /** Whether packets have a header with offloads (`IFF_VNET_HDR`), as virtio cards need. */
  readonly virtioHeader: boolean
  readonly mac: string | undefined
  readonly mtu: number | undefined
}

/** An open tap device. It exists as long as one of its descriptors is open in some process. */
export interface TapDevice {
  readonly name: string
  /** One for each queue, close-on-exec. */
  readonly fds: readonly number[]
}

// struct ifreq (netdevice(7)): the name, then a union. Numbers from Linux include/uapi/linux/{sockios,if,if_tun}.h.
const IFREQ_BYTES = 40
const NAME_BYTES = 16
const TUNSETIFF = 0x400454ca
const IFF_TAP = 0x0002
const IFF_MULTI_QUEUE = 0x0100
const IFF_NO_PI = 0x1000
const IFF_VNET_HDR = 0x4000
const SIOCGIFFLAGS = 0x8913
const SIOCSIFFLAGS = 0x8914
const SIOCSIFMTU = 0x8922
const SIOCSIFHWADDR = 0x8924
const SIOCGIFINDEX = 0x8933
const SIOCBRADDIF = 0x89a2
const ARPHRD_ETHER = 1
const IFF_UP = 1

/** Makes a tap device. @throws SystemCallError, and Node's errors for /dev/net/tun */
export function openTap(request: TapRequest): TapDevice {
  const fds: number[] = []
  try {
    let { name } = request
    for (let queue = 0; queue < request.queues; queue++) {
      const fd = openSync('/dev/net/tun', constants.O_RDWR)
      fds.push(fd)
      name = attach(fd, name, request)
    }
    configure(name, request)
    return { name, fds }
  } catch (error) {
    for (const fd of fds) closeSync(fd)
    throw error
  }
}

/** Opens the kernel's accelerator of virtio cards, once for each queue. @throws Node's errors for /dev/vhost-net */
export function openVhost(queues: number): readonly number[] {
  const fds: number[] = []
  try {
    for (let queue = 0; queue < queues; queue++)
      fds.push(openSync('/dev/vhost-net', constants.O_RDWR))
    return fds
  } catch (error) {
    for (const fd of fds) closeSync(fd)
    throw error
  }
}

function attach(fd: number, name: string, { queues, virtioHeader }: TapRequest): string {
  const asked = ifreq(name)
  const several = queues > 1 ? IFF_MULTI_QUEUE : 0
  const header = virtioHeader ? IFF_VNET_HDR : 0
  asked.writeUInt16LE(IFF_TAP | IFF_NO_PI | several | header, NAME_BYTES)
  ioctl(fd, TUNSETIFF, asked)
  return asked.toString('latin1', 0, NAME_BYTES).replace(/\0.*$/s, '')
}

function configure(name: string, { bridge, mac, mtu }: TapRequest): void {
  const socket = openControlSocket()
  try {
    if (mac !== undefined) {
      // As libvirt does: a bridge takes the lowest address of its ports, and must not change it for a guest's.
      const hardware = ifreq(name)
      hardware.writeUInt16LE(ARPHRD_ETHER, NAME_BYTES)
      Buffer.from(`fe${mac.slice(2).replaceAll(':', '')}`, 'hex').copy(hardware, NAME_BYTES + 2)
      ioctl(socket, SIOCSIFHWADDR, hardware)
    }
    if (mtu !== undefined) ioctl(socket, SIOCSIFMTU, withNumber(name, mtu))
    if (bridge === undefined) return
    const index = ifreq(name)
    ioctl(socket, SIOCGIFINDEX, index)
    ioctl(socket, SIOCBRADDIF, withNumber(bridge, index.readInt32LE(NAME_BYTES)))
    const flags = ifreq(name)
    ioctl(socket, SIOCGIFFLAGS, flags)
    flags.writeUInt16LE(flags.readUInt16LE(NAME_BYTES) | IFF_UP, NAME_BYTES)
    ioctl(socket, SIOCSIFFLAGS, flags)
  } finally {
    closeDescriptor(socket)
  }
}

function ifreq(name: string): Buffer {
  const bytes = Buffer.alloc(IFREQ_BYTES)
  bytes.write(name, 0, NAME_BYTES - 1, 'latin1')
  return bytes
}

function withNumber(name: string, value: number): Buffer {
  const bytes = ifreq(name)
  bytes.writeInt32LE(value, NAME_BYTES)
  return bytes
}
