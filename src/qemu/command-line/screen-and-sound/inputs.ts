import { device, object } from '../arguments.ts'
import { virtioDevice } from '../buses/virtio.ts'
import type { Wiring } from '../buses/wiring.ts'

const USB: Readonly<Record<string, string>> = {
  mouse: 'usb-mouse',
  keyboard: 'usb-kbd',
  tablet: 'usb-tablet',
}

/** USB and virtio mice, keyboards and tablets, and those of the host; PS/2 ones are part of the machine. */
export function inputArguments(wiring: Wiring): readonly string[] {
  return wiring.domain.inputs.flatMap((input, index) => {
    if (input.bus === 'ps2') return []
    const id = wiring.idOf(input, `input${index}`)
    const { source } = input
    if (input.type === 'evdev') {
      return object({
        'qom-type': 'input-linux',
        id,
        evdev: source?.path,
        repeat: source?.repeat,
        grab_all: source?.grabAll === true ? true : undefined,
        'grab-toggle': source?.grabToggle,
      })
    }
    const driver =
      input.bus === 'usb'
        ? { driver: USB[input.type] }
        : virtioDevice(
            input.type === 'passthrough' ? 'virtio-input-host' : `virtio-${input.type}`,
            input.virtio,
          )
    return device({ ...driver, id, evdev: source?.path, ...wiring.address(input) })
  })
}
