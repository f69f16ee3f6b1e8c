import { constants, openSync, closeSync } from 'node:fs'
import { ioctl } from '../system-calls.ts'
import { IFREQ_UNION, deviceIndex, ifreq } from './network-device.ts'

/** How to open a tap device. */
export interface TapRequest {
  /** Its name; one that does not exist is made, and `%d` in it becomes a free number. */
  readonly name: string
  readonly queues: number
  /** Whether packets have a header with offloads (`IFF_VNET_HDR`), as virtio cards need. */
  readonly virtioHeader: boolean
  /** The file that makes tap devices. Default `/dev/net/tun`. */
  readonly path?: string | undefined
}

/** An open tap device. One that was made exists as long as one of its descriptors is open in some process. */
export interface TapDevice {
  readonly name: string
  /** One for each queue, close-on-exec. */
  readonly fds: readonly number[]
}

// Linux include/uapi/linux/if_tun.h
const TUNSETIFF = 0x400454ca
const IFF_TAP = 0x0002
const IFF_MULTI_QUEUE = 0x0100
const IFF_NO_PI = 0x1000
const IFF_VNET_HDR = 0x4000

/** Opens a tap device, or makes it. @throws SystemCallError, and Node's errors for its file */
export function openTap(request: TapRequest): TapDevice {
  let { name } = request
  const fds = openQueues(request.path ?? '/dev/net/tun', request.queues, (fd) => {
    name = attach(fd, name, request)
  })
  return { name, fds }
}

/** Opens a macvtap that exists. @throws SystemCallError, and Node's errors for its /dev/tapN */
export function openMacvtap(request: TapRequest): TapDevice {
  const { name, queues } = request
  const fds = openQueues(`/dev/tap${deviceIndex(name)}`, queues, (fd) => attach(fd, name, request))
  return { name, fds }
}

/** Opens the kernel's accelerator of virtio cards, once for each queue. @throws Node's errors */
export function openVhost(queues: number, path: string): readonly number[] {
  return openQueues(path, queues)
}

function openQueues(
  path: string,
  queues: number,
  prepare?: (fd: number) => void,
): readonly number[] {
  const fds: number[] = []
  try {
    for (let queue = 0; queue < queues; queue++) {
      const fd = openSync(path, constants.O_RDWR)
      fds.push(fd)
      prepare?.(fd)
    }
    return fds
  } catch (error) {
    for (const fd of fds) closeSync(fd)
    throw error
  }
}

/** Returns the name of the device. */
function attach(fd: number, name: string, { queues, virtioHeader }: TapRequest): string {
  const asked = ifreq(name)
  const several = queues > 1 ? IFF_MULTI_QUEUE : 0
  const header = virtioHeader ? IFF_VNET_HDR : 0
  asked.writeUInt16LE(IFF_TAP | IFF_NO_PI | several | header, IFREQ_UNION)
  ioctl(fd, TUNSETIFF, asked)
  return asked.toString('latin1', 0, IFREQ_UNION).replace(/\0.*$/s, '')
}
