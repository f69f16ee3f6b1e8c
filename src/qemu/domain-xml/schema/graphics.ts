import { audioReference, live } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  kindOfDevice,
  onOff,
  signed,
  yesNo,
} from './rule.ts'

/** `<graphics>` of every type; as in libvirt, an attribute of one type is meaningless on another. */
export const graphicsRule: ElementRule = {
  hostOnly: true,
  attributes: {
    type: kindOfDevice('vnc', 'spice', 'egl-headless', 'sdl', 'dbus'),
    port: signed,
    tlsPort: signed,
    autoport: yesNo,
    websocket: signed,
    websocketGenerated: live,
    listen: anyText,
    socket: anyText,
    keymap: anyText,
    sharePolicy: choice('allow-exclusive', 'force-shared', 'ignore'),
    powerControl: yesNo,
    passwd: anyText,
    passwdValidTo: anyText,
    connected: choice('keep', 'disconnect', 'fail'),
    defaultMode: choice('any', 'secure', 'insecure'),
    display: anyText,
    xauth: anyText,
    fullscreen: yesNo,
    p2p: yesNo,
    // Not the name of the attribute of `listen`: the bus of D-Bus.
    address: anyText,
  },
  children: {
    listen: attributes({
      type: kindOfDevice('address', 'socket', 'none'),
      address: anyText,
      socket: anyText,
    }),
    audio: audioReference,
    channel: attributes({
      name: choice(
        ...['main', 'display', 'inputs', 'cursor', 'playback', 'record', 'smartcard', 'usbredir'],
      ),
      mode: choice('any', 'secure', 'insecure'),
    }),
    image: attributes({
      compression: choice('auto_glz', 'auto_lz', 'quic', 'glz', 'lz', 'off'),
    }),
    jpeg: attributes({ compression: choice('auto', 'never', 'always') }),
    zlib: attributes({ compression: choice('auto', 'never', 'always') }),
    playback: attributes({ compression: onOff }),
    streaming: attributes({ mode: choice('filter', 'all', 'off') }),
    clipboard: attributes({ copypaste: yesNo }),
    filetransfer: attributes({ enable: yesNo }),
    mouse: attributes({ mode: choice('client', 'server') }),
    gl: attributes({ enable: yesNo, rendernode: anyText }),
  },
}
