import type { Audio, AudioDirection } from '../../domain-xml/model/screen-and-sound/audio.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { Properties } from '../arguments.ts'

/** QEMU's names of the drivers. */
export const AUDIO_DRIVERS: Readonly<Record<Audio['type'], string>> = {
  none: 'none',
  alsa: 'alsa',
  jack: 'jack',
  oss: 'oss',
  pulseaudio: 'pa',
  sdl: 'sdl',
  spice: 'spice',
  file: 'wav',
  dbus: 'dbus',
  pipewire: 'pipewire',
}

/** The id of a backend. */
export function audioBackendId(id: number): string {
  return `audio${id}`
}

/** `-audiodev` for each `<audio>`, and one that discards everything for sound cards without any. */
export function audioArguments({ audios, sounds }: Domain): readonly string[] {
  if (audios.length > 0) return audios.flatMap((audio) => backend(audio))
  if (sounds.length === 0) return []
  return ['-audiodev', JSON.stringify({ id: audioBackendId(1), driver: 'none' })]
}

/** The backend of a sound card; the first one where it names none. */
export function audioBackendOf({ audios }: Domain, audioId: number | undefined): string {
  const audio = audios.find(({ id }) => id === audioId) ?? audios[0]
  return audioBackendId(audio?.id ?? 1)
}

/** Environment variables for QEMU, for libraries that have no other settings. */
export function audioEnvironment({ audios }: Domain): Readonly<Record<string, string>> {
  const sdl = audios.find(({ sdlDriver }) => sdlDriver !== undefined)?.sdlDriver
  const pipewire = audios.find(({ runtimeDirectory }) => runtimeDirectory !== undefined)
  return {
    ...(sdl !== undefined && { SDL_AUDIODRIVER: sdl }),
    ...(pipewire !== undefined && {
      PIPEWIRE_RUNTIME_DIR: pipewire.runtimeDirectory ?? '',
    }),
  }
}

function backend(audio: Audio): readonly string[] {
  // The options of one driver mean nothing to another.
  const input = direction(audio.input, audio.type !== 'none')
  const output = direction(audio.output, audio.type !== 'none')
  const properties: Properties = {
    id: audioBackendId(audio.id),
    driver: AUDIO_DRIVERS[audio.type],
    'timer-period': audio.timerPeriod,
    server: audio.type === 'pulseaudio' ? audio.serverName : undefined,
    path: audio.type === 'file' ? audio.path : undefined,
    ...(audio.type === 'oss' && {
      'try-mmap': audio.tryMmap,
      exclusive: audio.exclusive,
      'dsp-policy': audio.dspPolicy,
    }),
    in: input,
    out: output,
  }
  return ['-audiodev', JSON.stringify(properties)]
}

function direction(one: AudioDirection, own: boolean): Properties | undefined {
  const properties: Properties = {
    'mixing-engine': one.mixingEngine,
    'fixed-settings': one.fixedSettings,
    voices: one.voices,
    'buffer-length': one.bufferLength,
    frequency: one.frequency,
    channels: one.channels,
    format: one.format,
    ...(own && {
      'buffer-count': one.bufferCount,
      dev: one.dev,
      'try-poll': one.tryPoll,
      name: one.name,
      'stream-name': one.streamName,
      latency: one.latency,
      'server-name': one.serverName,
      'client-name': one.clientName,
      'connect-ports': one.connectPorts,
      'exact-name': one.exactName,
    }),
  }
  return Object.values(properties).some((value) => value !== undefined) ? properties : undefined
}
