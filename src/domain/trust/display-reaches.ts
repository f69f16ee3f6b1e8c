import type { Audio } from '../../qemu/domain-xml/model/screen-and-sound/audio.ts'
import { type Graphics, isServer } from '../../qemu/domain-xml/model/screen-and-sound/graphics.ts'
import { type Reach, given, path } from './reach.ts'

/** The reaches of a display. */
export function graphicsReaches(graphics: Graphics): readonly Reach[] {
  if (!isServer(graphics)) return localDisplayReaches(graphics)
  const { type, listen, socket, address, port, keymap, place } = graphics
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
  const tls = type === 'spice' ? graphics.tlsPort : undefined
  const ports = [port, tls].filter((one) => one !== undefined)
  const listening = (ports.length === 0 ? ['any'] : ports).map((one) => ({
    ...({ kind: 'listen', use: `${name} server`, ...where } as const),
    value: `${address ?? '127.0.0.1'}:${one}`,
  }))
  return [...keys, ...listening, ...more]
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
      return [path('sound device', '/dev/snd', where)]
    case 'pipewire':
      return given(runtimeDirectory, (directory) => path('sound server', directory, where))
    case 'pulseaudio':
      return given(serverName, (value) => ({
        kind: 'connect',
        use: 'sound server',
        value,
        ...where,
      }))
    case 'jack':
    case 'sdl':
    case 'dbus':
    case 'spice':
    case 'none':
      return []
  }
}
