import { deviceParts, virtioDriver } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  kindOfDevice,
  onOff,
  valueWithoutEffect,
  whole,
  yesNo,
} from './rule.ts'

/** `<video>` */
export const videoRule: ElementRule = {
  children: {
    ...deviceParts,
    model: {
      attributes: {
        type: kindOfDevice('vga', 'cirrus', 'vmvga', 'virtio', 'bochs', 'ramfb', 'qxl', 'none'),
        vram: whole,
        ram: whole,
        vram64: whole,
        vgamem: whole,
        heads: whole,
        primary: yesNo,
        blob: onOff,
        edid: onOff,
      },
      children: {
        acceleration: attributes({
          accel3d: yesNo,
          accel2d: valueWithoutEffect('QEMU does not have this choice'),
        }),
        resolution: attributes({ x: whole, y: whole }),
      },
    },
    driver: { attributes: { ...virtioDriver, name: choice('qemu'), vgaconf: choice('on') } },
  },
}

/** `<input>` */
export const inputRule: ElementRule = {
  attributes: {
    type: kindOfDevice('mouse', 'keyboard', 'tablet', 'passthrough', 'evdev'),
    bus: kindOfDevice('ps2', 'usb', 'virtio', 'none'),
    model: kindOfDevice('virtio', 'virtio-transitional', 'virtio-non-transitional'),
  },
  children: {
    ...deviceParts,
    driver: { attributes: virtioDriver },
    source: attributes({
      evdev: anyText,
      dev: anyText,
      grab: choice('all'),
      grabToggle: choice(
        ...['ctrl-ctrl', 'alt-alt', 'shift-shift', 'meta-meta', 'scrolllock', 'ctrl-scrolllock'],
      ),
      repeat: onOff,
    }),
  },
}
