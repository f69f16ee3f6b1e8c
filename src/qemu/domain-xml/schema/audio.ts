import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  kindOfDevice,
  whole,
  yesNo,
} from './rule.ts'

/** The names of back ends in XML: those of `<audio type=…>`, except for macOS's. */
export const audioTypes = [
  'none',
  'alsa',
  'jack',
  'oss',
  'pulseaudio',
  'sdl',
  'spice',
  'file',
  'dbus',
  'pipewire',
] as const

const direction: ElementRule = {
  attributes: {
    mixingEngine: yesNo,
    fixedSettings: yesNo,
    voices: whole,
    bufferLength: whole,
    bufferCount: whole,
    dev: anyText,
    tryPoll: yesNo,
    name: anyText,
    streamName: anyText,
    latency: whole,
    serverName: anyText,
    clientName: anyText,
    connectPorts: anyText,
    exactName: yesNo,
  },
  children: {
    settings: attributes({
      frequency: whole,
      channels: whole,
      format: choice('s8', 'u8', 's16', 'u16', 's32', 'u32', 'f32'),
    }),
  },
}

/** `<audio>`: where the sound of the guest goes. */
export const audioRule: ElementRule = {
  hostOnly: true,
  attributes: {
    id: whole,
    type: kindOfDevice(...audioTypes),
    timerPeriod: whole,
    serverName: anyText,
    path: anyText,
    driver: choice('alsa', 'pulseaudio', 'dsp', 'esd', 'arts'),
    runtimeDir: anyText,
    tryMMap: yesNo,
    exclusive: yesNo,
    dspPolicy: whole,
  },
  children: { input: direction, output: direction },
}
