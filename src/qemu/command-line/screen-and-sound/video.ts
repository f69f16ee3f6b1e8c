import { DomainXmlError } from '../../../errors.ts'
import type { Chipset } from '../../domain-xml/chipset.ts'
import type { Video } from '../../domain-xml/model/screen-and-sound/display.ts'
import { device, type Properties } from '../arguments.ts'
import { virtioDevice } from '../buses/virtio.ts'
import type { Wiring } from '../buses/wiring.ts'

const KIB = 1024
const MIB = 1024 * 1024

/** Graphics cards. Video memory is a RAM block, so an image loads only with the same size. */
export function videoArguments(wiring: Wiring): readonly string[] {
  return wiring.domain.videos.flatMap((video, index) => {
    if (video.type === 'none') return []
    return device({
      ...driver(video, wiring.chipset),
      id: wiring.idOf(video, `video${index}`),
      ...memory(video),
      blob: video.type === 'virtio' ? video.blob : undefined,
      edid: video.edid,
      xres: video.resolution?.x,
      yres: video.resolution?.y,
      ...(video.type === 'ramfb' ? {} : wiring.address(video)),
    })
  })
}

function driver(video: Video, chipset: Chipset): Properties {
  const { primary } = video
  const gl = video.accelerated ? '-gl' : ''
  switch (video.type) {
    case 'virtio':
      // ARM's QEMU has no card with the memory of a VGA.
      return primary && chipset !== 'virt'
        ? virtioDevice(`virtio-vga${gl}`, video.virtio, '')
        : virtioDevice(`virtio-gpu${gl}`, video.virtio)
    case 'qxl':
      return { driver: primary ? 'qxl-vga' : 'qxl' }
    case 'vga':
      return { driver: primaryOnly(video, 'VGA') }
    case 'cirrus':
      return { driver: primaryOnly(video, 'cirrus-vga') }
    case 'vmvga':
      return { driver: primaryOnly(video, 'vmware-svga') }
    case 'bochs':
      return { driver: primaryOnly(video, 'bochs-display') }
    case 'ramfb':
      return { driver: primaryOnly(video, 'ramfb') }
    case 'none':
      return {}
  }
}

function primaryOnly(video: Video, name: string): string {
  if (video.primary) return name
  throw new DomainXmlError(
    'XML_INVALID',
    `${video.place}: a second graphics card cannot be of type "${video.type}"`,
    { hint: 'Use type="virtio" or "qxl" for it' },
  )
}

function memory(video: Video): Properties {
  const { vramBytes, ramBytes, vram64Bytes, vgamemBytes, heads } = video
  switch (video.type) {
    case 'virtio':
      return { max_outputs: positive(heads) }
    case 'qxl':
      return {
        max_outputs: positive(heads),
        ram_size: positive(ramBytes),
        vram_size: positive(vramBytes),
        vram64_size_mb: Math.floor((vram64Bytes ?? 0) / MIB),
        vgamem_mb: Math.floor((vgamemBytes ?? 16 * KIB * KIB) / MIB),
      }
    case 'vga':
    case 'vmvga':
      return {
        vgamem_mb: vramBytes === undefined ? undefined : positive(Math.floor(vramBytes / MIB)),
      }
    case 'bochs':
      return { vgamem: positive(vramBytes) }
    case 'cirrus':
    case 'ramfb':
    case 'none':
      return {}
  }
}

function positive(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value
}
