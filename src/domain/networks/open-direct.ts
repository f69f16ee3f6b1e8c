import { bringUp, setHardwareAddress, setMtu } from '../../io/sockets/network-device.ts'
import { openMacvtap } from '../../io/sockets/tap-device.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import { makeMacvtap } from '../../qemu/programs/ip.ts'
import { type OpenTap, attempt, nameFor, tapRequest, uniqueName } from './open-tap.ts'

/**
 * Makes a macvtap on the card's device of the host, with the address of the card.
 * @throws QemuError QEMU_LACKS_FEATURE, QEMU_START_FAILED
 */
export async function openDirect(card: NetworkInterface): Promise<OpenTap> {
  const { network: device = '', macvtapMode: mode, mac = '', mtu } = card
  const name = nameFor(card, uniqueName())
  const end = await makeMacvtap({ name, device, mode, mac })
  const fds: number[] = []
  try {
    return attempt(card, `open the macvtap ${name} on ${device}`, () => {
      fds.push(...openMacvtap(tapRequest(card, name)).fds)
      // In this mode the kernel made it with the address of the device, and gives that its own back at the end.
      if (mode === 'passthrough') setHardwareAddress(name, mac)
      if (mtu !== undefined) setMtu(name, mtu)
      // As libvirt does: a device that is down carries nothing.
      bringUp(device)
      bringUp(name)
      return { fds, endCommands: [end] }
    })
  } catch (error) {
    for (const fd of fds) closeDescriptor(fd)
    end[Symbol.dispose]()
    throw error
  }
}
