import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, requiredChild } from '../access.ts'
import { chipsetIn } from './chipset.ts'
import { create, insertBefore, insertDevice, setDefault } from './edit.ts'

const KIB_OF_16_MIB = 16384
const KIB_OF_64_MIB = 65536

/** Fills in inputs, graphics and graphics cards. */
export function fillDisplays(root: Element, devices: Element): void {
  const pc = chipsetIn(root) !== 'virt'
  for (const input of children(devices, 'input')) {
    const type = attribute(input, 'type')
    const own = type === 'tablet' || !pc ? 'usb' : 'ps2'
    const bus = type === 'passthrough' ? 'virtio' : type === 'evdev' ? undefined : own
    if (bus !== undefined) setDefault(input, 'bus', bus)
  }
  if (pc && attribute(child(child(root, 'features'), 'ps2'), 'state') !== 'off') {
    addPs2(devices, 'mouse')
    addPs2(devices, 'keyboard')
  }
  for (const graphics of children(devices, 'graphics')) fillGraphics(graphics)
  if (child(devices, 'graphics') !== undefined && child(devices, 'video') === undefined) {
    const model = create(devices, 'model', { type: pc ? 'cirrus' : 'virtio' })
    insertDevice(devices, create(devices, 'video', {}, [model]))
  }
  movePrimaryFirst(devices)
  fillVideos(children(devices, 'video'), pc ? 'cirrus' : 'virtio')
  if (child(devices, 'audio') === undefined) {
    const types = children(devices, 'graphics').map((one) => attribute(one, 'type'))
    // The last one counts, as in libvirt (qemuDomainDefSuggestDefaultAudioBackend, 11.3).
    const type =
      types.findLast((one) => one === 'vnc' || one === 'spice' || one === 'sdl') ?? 'none'
    insertDevice(devices, create(devices, 'audio', { id: 1, type: type === 'vnc' ? 'none' : type }))
  }
}

/** Every PC has these two. */
function addPs2(devices: Element, type: 'mouse' | 'keyboard'): void {
  const there = children(devices, 'input').some(
    (input) => attribute(input, 'type') === type && attribute(input, 'bus') === 'ps2',
  )
  if (!there) insertDevice(devices, create(devices, 'input', { type, bus: 'ps2' }))
}

function fillGraphics(graphics: Element): void {
  if (attribute(graphics, 'type') === 'spice') return fillSpice(graphics)
  if (attribute(graphics, 'type') !== 'vnc') return
  addListen(graphics, 'address')
  if (attribute(child(graphics, 'listen'), 'type') !== 'address') return
  setDefault(graphics, 'port', '-1')
  setDefault(graphics, 'autoport', attribute(graphics, 'port') === '-1' ? 'yes' : 'no')
}

/** Without a port nobody can connect; libvirt then writes `<listen type='none'/>`. */
function fillSpice(graphics: Element): void {
  const port = (name: string): number => Number(attribute(graphics, name) ?? '0')
  if (port('port') < 0 && port('tlsPort') < 0) graphics.setAttribute('autoport', 'yes')
  const listens =
    attribute(graphics, 'autoport') === 'yes' || port('port') > 0 || port('tlsPort') > 0
  addListen(graphics, listens ? 'address' : 'none')
}

function addListen(graphics: Element, usual: 'address' | 'none'): void {
  if (child(graphics, 'listen') !== undefined) return
  const socket = attribute(graphics, 'socket')
  const address = usual === 'none' ? undefined : attribute(graphics, 'listen')
  const listen = socket === undefined ? { type: usual, address } : { type: 'socket', socket }
  insertBefore(graphics, create(graphics, 'listen', listen), () => true)
}

/** As in libvirt, which gives it its usual address by its place. */
function movePrimaryFirst(devices: Element): void {
  const [first, ...others] = children(devices, 'video')
  const primary = others.find((video) => attribute(child(video, 'model'), 'primary') === 'yes')
  if (first !== undefined && primary !== undefined) devices.insertBefore(primary, first)
}

function fillVideos(videos: readonly Element[], usual: string): void {
  videos.forEach((video, index) => {
    const model = child(video, 'model') ?? insertBefore(video, create(video, 'model'), () => true)
    setDefault(model, 'type', usual)
    const type = attribute(requiredChild(video, 'model'), 'type')
    if (type === 'none') return
    if (type === 'vga' || type === 'cirrus' || type === 'vmvga' || type === 'bochs') {
      setDefault(model, 'vram', KIB_OF_16_MIB)
    }
    if (type === 'qxl') {
      setDefault(model, 'ram', KIB_OF_64_MIB)
      setDefault(model, 'vram', KIB_OF_64_MIB)
      setDefault(model, 'vgamem', KIB_OF_16_MIB)
    }
    if (type !== 'ramfb') setDefault(model, 'heads', 1)
    if (index === 0) model.setAttribute('primary', 'yes')
  })
}
