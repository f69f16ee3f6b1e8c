import type { SerialPort } from '../../domain-xml/model/characters/character.ts'
import { device, netdev } from '../arguments.ts'
import { chardev } from './chardev.ts'
import type { CommandLineOptions } from '../options.ts'
import type { Wiring } from '../buses/wiring.ts'

/** Serial ports. An image loads only with the same number of them. */
export function serialArguments(wiring: Wiring, options: CommandLineOptions): readonly string[] {
  return wiring.domain.serials.flatMap((serial, index) => {
    const id = wiring.idOf(serial, `serial${index}`)
    if (serial.target === 'system-serial')
      return [...chardev(serial.backend, id, serial, options), ...['-serial', `chardev:char${id}`]]
    return [
      ...chardev(serial.backend, id, serial, options),
      ...device({
        driver: serial.model,
        chardev: `char${id}`,
        id,
        index: serial.target === 'isa-serial' ? (serial.port ?? index) : undefined,
        ...(needsAddress(serial) || serial.address !== undefined ? wiring.address(serial) : {}),
      }),
    ]
  })
}

/** Consoles of type `virtio`, which libvirt leaves without an address. A console of type `serial` is the first serial port under another name. */
export function consoleArguments(wiring: Wiring, options: CommandLineOptions): readonly string[] {
  return wiring.domain.consoles.flatMap((console, index) => {
    if (console.target === 'serial') return []
    const id = wiring.idOf(console, `console${index}`)
    return [
      ...chardev(console.backend, id, console, options),
      ...device({
        driver: 'virtconsole',
        ...(console.address === undefined ? {} : wiring.address(console)),
        chardev: `char${id}`,
        id,
      }),
    ]
  })
}

/** Named virtio ports, such as the guest agent's `org.qemu.guest_agent.0`. */
export function channelArguments(wiring: Wiring, options: CommandLineOptions): readonly string[] {
  return wiring.domain.channels.flatMap((channel, index) => {
    const id = wiring.idOf(channel, `channel${index}`)
    return [
      ...chardev(channel.backend, id, channel, options),
      ...device({
        driver: 'virtserialport',
        ...wiring.address(channel),
        chardev: `char${id}`,
        id,
        name: channel.name,
      }),
    ]
  })
}

/** Parallel ports. */
export function parallelArguments(wiring: Wiring, options: CommandLineOptions): readonly string[] {
  return wiring.domain.parallels.flatMap((parallel, index) => {
    const id = wiring.idOf(parallel, `parallel${index}`)
    return [
      ...chardev(parallel.backend, id, parallel, options, 'parallel'),
      ...device({ driver: 'isa-parallel', chardev: `char${id}`, id }),
    ]
  })
}

/** Addresses in the guest's user network behind which there is a character device of the host. */
export function guestForwardArguments(
  wiring: Wiring,
  options: CommandLineOptions,
): readonly string[] {
  return wiring.domain.guestForwards.flatMap((forward, index) => {
    const id = wiring.idOf(forward, `guestfwd${index}`)
    const rule = `tcp:${forward.ip}:${forward.port}-chardev:char${id}`
    return [
      ...chardev(forward.backend, id, forward, options),
      ...netdev({ type: 'user', guestfwd: [{ str: rule }], id }),
    ]
  })
}

function needsAddress(serial: SerialPort): boolean {
  return serial.target === 'pci-serial' || serial.target === 'usb-serial'
}
