import { device } from './arguments.ts'
import { virtioPci } from './virtio.ts'
import type { Wiring } from './wiring.ts'

const USB = { mouse: 'usb-mouse', keyboard: 'usb-kbd', tablet: 'usb-tablet' } as const

/** USB and virtio mice, keyboards and tablets; PS/2 ones are part of the machine. */
export function inputArguments(wiring: Wiring): readonly string[] {
  return wiring.domain.inputs.flatMap((input, index) => {
    if (input.bus === 'ps2') return []
    const id = wiring.idOf(input, `input${index}`)
    const driver =
      input.bus === 'usb'
        ? { driver: USB[input.type] }
        : virtioPci(`virtio-${input.type}`, input.virtio)
    return device({ ...driver, id, ...wiring.address(input) })
  })
}
