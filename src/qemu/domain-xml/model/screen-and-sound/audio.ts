import type { Element } from '@xmldom/xmldom'
import { attribute, child, flag, requiredAttribute, whole } from '../../access.ts'
import { place } from '../../location.ts'
import type { audioTypes } from '../../schema/audio.ts'

/** Where sound goes, and where it comes from. */
export interface Audio {
  readonly place: string
  readonly id: number
  readonly type: (typeof audioTypes)[number]
  readonly timerPeriod: number | undefined
  readonly serverName: string | undefined
  readonly path: string | undefined
  /** The driver that SDL uses. */
  readonly sdlDriver: string | undefined
  /** The directory with the socket of PipeWire. */
  readonly runtimeDirectory: string | undefined
  readonly tryMmap: boolean | undefined
  readonly exclusive: boolean | undefined
  readonly dspPolicy: number | undefined
  readonly input: AudioDirection
  readonly output: AudioDirection
}

/** Recording or playing. Times are in the units of the XML, which are those of QEMU. */
export interface AudioDirection {
  readonly mixingEngine: boolean | undefined
  readonly fixedSettings: boolean | undefined
  readonly voices: number | undefined
  readonly bufferLength: number | undefined
  readonly bufferCount: number | undefined
  readonly dev: string | undefined
  readonly tryPoll: boolean | undefined
  readonly name: string | undefined
  readonly streamName: string | undefined
  readonly latency: number | undefined
  readonly serverName: string | undefined
  readonly clientName: string | undefined
  readonly connectPorts: string | undefined
  readonly exactName: boolean | undefined
  readonly frequency: number | undefined
  readonly channels: number | undefined
  readonly format: string | undefined
}

/** Reads an `<audio>`. */
export function readAudio(element: Element): Audio {
  return {
    place: place(element),
    id: whole(element, 'id') ?? 1,
    type: requiredAttribute(element, 'type') as Audio['type'],
    timerPeriod: whole(element, 'timerPeriod'),
    serverName: attribute(element, 'serverName'),
    path: attribute(element, 'path'),
    sdlDriver: attribute(element, 'driver'),
    runtimeDirectory: attribute(element, 'runtimeDir'),
    tryMmap: flag(element, 'tryMMap'),
    exclusive: flag(element, 'exclusive'),
    dspPolicy: whole(element, 'dspPolicy'),
    input: readDirection(child(element, 'input')),
    output: readDirection(child(element, 'output')),
  }
}

function readDirection(element: Element | undefined): AudioDirection {
  const settings = child(element, 'settings')
  return {
    mixingEngine: flag(element, 'mixingEngine'),
    fixedSettings: flag(element, 'fixedSettings'),
    voices: whole(element, 'voices'),
    bufferLength: whole(element, 'bufferLength'),
    bufferCount: whole(element, 'bufferCount'),
    dev: attribute(element, 'dev'),
    tryPoll: flag(element, 'tryPoll'),
    name: attribute(element, 'name'),
    streamName: attribute(element, 'streamName'),
    latency: whole(element, 'latency'),
    serverName: attribute(element, 'serverName'),
    clientName: attribute(element, 'clientName'),
    connectPorts: attribute(element, 'connectPorts'),
    exactName: flag(element, 'exactName'),
    frequency: whole(settings, 'frequency'),
    channels: whole(settings, 'channels'),
    format: attribute(settings, 'format'),
  }
}
