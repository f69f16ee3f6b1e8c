import type { ImageInfo } from '../../domain/images/image-info.ts'
import { formatBytes } from '../terminal/quantity.ts'
import { formatFacts, formatTable } from '../terminal/table.ts'
import type { Answer } from '../verb.ts'

/** The report of `image-info`; its text has the devices only if that is asked for. */
export function imageReport(
  info: ImageInfo,
  { devices = false }: { readonly devices?: boolean | undefined },
): Answer {
  return {
    text: [facts(info), ...tables(info, devices)].join('\n\n'),
    json: { type: 'result', ...info },
  }
}

function facts(info: ImageInfo): string {
  const { domain, memory, provenance, devices, salvaged, live, bases } = info
  const lines: (readonly [string, string] | undefined)[] = [
    ['Format', [info.format, channelsOf(info), packingOf(info)].filter(Boolean).join(', ')],
    ['Complete', info.complete ? 'yes' : 'no: the save that wrote it did not finish'],
    ['File', `${formatBytes(info.fileBytes)}, ${formatBytes(info.allocatedBytes)} on disk`],
    domain && ['Domain', `${domain.name} (${domain.uuid})`],
    domain && ['State', info.wasRunning ? 'running' : 'paused'],
    domain && ['Machine', `${info.machine ?? 'unknown'}, ${domain.arch}`],
    provenance && ['Saved by', `QEMU ${provenance.qemu} on ${provenance.host}, ${provenance.time}`],
    live && ['Live', `the guest continued after the save, at ${live.time}`],
    salvaged && [
      'Salvaged',
      `at ${salvaged.time}: ${salvaged.zeroedPages} pages are zero, ${salvaged.suspectPages} may be damaged`,
    ],
    bases && ['Needs', `the memory of ${bases.map((one) => `'${one}'`).join(', ')}`],
    memory && [
      'Memory',
      `${formatBytes(memory.bytes)}: ${formatBytes(memory.dataBytes)} data, ${formatBytes(memory.zeroBytes)} zero`,
    ],
    memory && ['Stored', `${formatBytes(memory.storedBytes)}: ratio ${memory.ratio.toFixed(2)}`],
    devices && [
      'Device state',
      `${formatBytes(info.deviceStateBytes ?? 0)}, ${devices.length} devices`,
    ],
    info.complete ? ['Checked', info.verified ? 'everything was read' : 'index only'] : undefined,
  ]
  return formatFacts(lines.filter((line) => line !== undefined))
}

function tables({ memory, devices }: ImageInfo, withDevices: boolean): readonly string[] {
  const blocks = memory?.blocks.map(({ name, bytes, dataBytes }) => [
    name,
    formatBytes(bytes),
    formatBytes(dataBytes),
  ])
  const states = devices?.map(({ name, instance, version }) => [
    name,
    String(instance),
    String(version),
  ])
  return [
    ...(blocks === undefined ? [] : [formatTable(['RAM block', 'Size', 'Data'], blocks)]),
    ...(!withDevices || states === undefined || states.length === 0
      ? []
      : [formatTable(['Device', 'Instance', 'Version'], states)]),
  ]
}

function channelsOf({ channels }: ImageInfo): string {
  return channels === 0 ? '' : `${channels} channels`
}

function packingOf({ format, compression }: ImageInfo): string {
  return compression === 'none' || compression === format ? '' : compression
}
