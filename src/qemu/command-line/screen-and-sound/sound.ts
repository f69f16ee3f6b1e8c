import type { Sound } from '../../domain-xml/model/screen-and-sound/sound.ts'
import { device } from '../arguments.ts'
import { audioBackendOf } from './audio.ts'
import { virtioDevice } from '../buses/virtio.ts'
import type { Wiring } from '../buses/wiring.ts'

const DRIVERS: Readonly<Record<Exclude<Sound['model'], 'pcspk' | 'virtio'>, string>> = {
  ich6: 'intel-hda',
  ich9: 'ich9-intel-hda',
  ac97: 'AC97',
  es1370: 'ES1370',
  usb: 'usb-audio',
  sb16: 'sb16',
}

/** Sound cards. An HDA controller is useless without a codec. */
export function soundArguments(wiring: Wiring): readonly string[] {
  return wiring.domain.sounds.flatMap((sound, index) => soundDevices(sound, index, wiring))
}

function soundDevices(sound: Sound, index: number, wiring: Wiring): readonly string[] {
  const id = wiring.idOf(sound, `sound${index}`)
  const backend = audioBackendOf(wiring.domain, sound.audioId)
  // Part of the machine, see `-machine`.
  if (sound.model === 'pcspk') return []
  const hda = sound.model === 'ich6' || sound.model === 'ich9'
  const codecs = sound.codecs.length === 0 ? (['duplex'] as const) : sound.codecs
  return [
    ...device({
      ...(sound.model === 'virtio'
        ? { ...virtioDevice('virtio-sound', sound.virtio), streams: sound.streams ?? 2 }
        : { driver: DRIVERS[sound.model] }),
      id,
      multi: sound.model === 'usb' ? sound.multichannel : undefined,
      audiodev: hda ? undefined : backend,
      ...(sound.model === 'sb16' ? {} : wiring.address(sound)),
    }),
    ...(hda ? codecs : []).flatMap((codec, cad) =>
      device({
        driver: `hda-${codec}`,
        id: `${id}-codec${cad}`,
        bus: `${id}.0`,
        cad,
        audiodev: backend,
      }),
    ),
  ]
}
