import type { Audio } from '../../qemu/domain-xml/model/screen-and-sound/audio.ts'
import {
  type Graphics,
  isServer,
  type SpiceServer,
  type VncServer,
} from '../../qemu/domain-xml/model/screen-and-sound/graphics.ts'
import { type Reach, given, path } from './reach.ts'

/** The reaches of a display. */
export function graphicsReaches(graphics: Graphics): readonly Reach[] {
  if (!isServer(graphics)) return localDisplayReaches(graphics)
  const { type, listen, socket, address, keymap, place } = graphics
  const where = { write: true, place }
  const name = type === 'vnc' ? 'VNC' : 'SPICE'
  const more =
    type === 'spice' && graphics.gl
      ? [path('render node', graphics.renderNode ?? '/dev/dri', where)]
      : []
  // QEMU finds a plain name in its own directory.
  const keys = keymap?.includes('/') === true ? [path('keyboard layout', keymap, { place })] : []
  if (listen === 'socket')
    return [...keys, ...given(socket, (one) => path(`${name} socket`, one, where)), ...more]
  if (listen === 'none') return [...keys, ...more]
  const listening = portsOf(graphics).map((one) => ({
    ...({ kind: 'listen', use: `${name} server`, ...where } as const),
    value: `${address ?? '127.0.0.1'}:${one}`,
  }))
  return [...keys, ...listening, ...more]
}

/** The ports that QEMU listens on; it chooses one itself where the XML names none. */
function portsOf(graphics: VncServer | SpiceServer): readonly (number | 'any')[] {
  const { port } = graphics
  if (graphics.type === 'vnc') {
    const { websocket } = graphics
    return [port ?? 'any', ...(websocket === undefined ? [] : [websocket])]
  }
  const ports = [port, graphics.tlsPort].filter((one) => one !== undefined)
  return ports.length === 0 ? ['any'] : ports
}

function localDisplayReaches(
  graphics: Exclude<Graphics, { readonly type: 'vnc' | 'spice' }>,
): readonly Reach[] {
  const { place } = graphics
  const where = { write: true, place }
  switch (graphics.type) {
    case 'egl-headless':
      return [path('render node', graphics.renderNode ?? '/dev/dri', where)]
    case 'sdl': {
      const { display, authority } = graphics
      return [
        ...given(display, (value) => ({ kind: 'connect', use: 'X display', value, ...where })),
        ...given(authority, (file) => path('X authority', file, { place })),
      ]
    }
    case 'dbus': {
      const { bus, gl, renderNode } = graphics
      return [
        ...given(bus, (value) => ({ kind: 'connect', use: 'message bus', value, ...where })),
        ...(gl ? [path('render node', renderNode ?? '/dev/dri', where)] : []),
      ]
    }
  }
}

/** The reaches of a sound backend. */
export function audioReaches({
  type,
  path: file,
  input,
  output,
  runtimeDirectory,
  serverName,
  place,
}: Audio): readonly Reach[] {
  const where = { write: true, place }
  switch (type) {
    case 'file':
      // The name that QEMU takes where none is given (audio/wavaudio.c).
      return [path('sound file', file ?? 'qemu.wav', where)]
    case 'oss':
      return [input.dev, output.dev].flatMap((device) => [
        path('sound device', device ?? '/dev/dsp', where),
      ])
    case 'alsa':
      return [
        path('sound device', '/dev/snd', where),
        ...[input.dev, output.dev].flatMap((name) => alsaReaches(name, where)),
      ]
    case 'pipewire':
      return runtimeDirectory === undefined
        ? [soundServer('pipewire', where)]
        : [path('sound server', runtimeDirectory, where)]
    case 'pulseaudio':
      return [soundServer(serverName ?? 'pulseaudio', where)]
    case 'jack':
      return [soundServer(output.serverName ?? input.serverName ?? 'jack', where)]
    case 'sdl':
      return [soundServer('sdl', where)]
    case 'dbus':
    case 'spice':
    case 'none':
      return []
  }
}

function soundServer(
  value: string,
  where: { readonly write: boolean; readonly place: string },
): Reach {
  return { kind: 'connect', use: 'sound server', value, ...where }
}

/** A card, or a plugin for it: `hw:0`, `plughw:CARD=PCH,DEV=0`. */
const ALSA_CARD = /^(default|null|(sys|plug)?(default|hw)(:[\w=,.]+)?)$/

/** The name of another device of ALSA may be a plugin that writes to a file or runs a program (alsa-lib, `pcm_file`). */
function alsaReaches(
  name: string | undefined,
  where: { readonly write: boolean; readonly place: string },
): readonly Reach[] {
  if (name === undefined || ALSA_CARD.test(name)) return []
  return [{ kind: 'command', use: 'sound device of ALSA', value: name, ...where }]
}
