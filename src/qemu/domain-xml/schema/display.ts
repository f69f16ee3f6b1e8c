import { deviceParts, live, soundId, virtioDriver } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  kindOfDevice,
  onOff,
  refusedValue,
  signed,
  valueWithoutEffect,
  whole,
  yesNo,
} from './rule.ts'

const password = 'VNC passwords are not set, and without one anybody could connect'

/** `<graphics>`: VNC only; SPICE has connections that a save would break. */
export const graphicsRule: ElementRule = {
  hostOnly: true,
  attributes: {
    type: kindOfDevice('vnc'),
    port: signed,
    autoport: yesNo,
    websocket: signed,
    websocketGenerated: live,
    listen: anyText,
    socket: anyText,
    keymap: anyText,
    sharePolicy: choice('allow-exclusive', 'force-shared', 'ignore'),
    powerControl: yesNo,
    passwd: refusedValue(password),
    passwdValidTo: refusedValue(password),
    connected: refusedValue(password),
  },
  children: {
    listen: attributes({
      type: kindOfDevice('address', 'socket', 'none'),
      address: anyText,
      socket: anyText,
    }),
    audio: attributes({ id: soundId }),
  },
}

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
          accel3d: choice('no'),
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
    type: kindOfDevice('mouse', 'keyboard', 'tablet'),
    bus: kindOfDevice('ps2', 'usb', 'virtio'),
    model: kindOfDevice('virtio', 'virtio-transitional', 'virtio-non-transitional'),
  },
  children: { ...deviceParts, driver: { attributes: virtioDriver } },
}
