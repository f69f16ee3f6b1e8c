import { UsageError } from '../../../errors.ts'
import { type ExportOutcome, exportDomains } from '../../../domain/libvirt/export.ts'
import { dumpDomainXml } from '../../../domain/status/dump-xml.ts'
import type { Connection } from '../../../domain/store/directories.ts'
import { Option } from 'commander'
import { SAVE_FORMATS } from '../../../image/format-table.ts'
import type { SaveFormat } from '../../../image/save-format.ts'
import { type LibvirtFlags, declareLibvirt, libvirtOf } from '../../options/libvirt.ts'
import { errorText } from '../../reports/error.ts'
import { outcomeObject, refuseFailed } from '../../reports/several-domains.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends LibvirtFlags {
  readonly toLibvirt?: Connection | true
  readonly xml?: boolean
  readonly imageFormat?: SaveFormat
}

/** `export NAME…` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareLibvirt(command)
      .argument('<name...>', 'names or UUIDs of domains that do not run')
      .option(
        '--to-libvirt [uri]',
        'write the files of libvirt: qemu:///system (the default for root) or qemu:///session (for others)',
        libvirtOf,
      )
      .addOption(
        new Option('--xml', 'only show the definitions, for `virsh define`').conflicts('toLibvirt'),
      )
      .addOption(
        new Option(
          '--image-format <format>',
          'format of the managed save there (default: as it is if every libvirt reads that, otherwise raw)',
        ).choices(SAVE_FORMATS),
      ),
  looks: (_args, { dryRun, xml }) => dryRun === true || xml === true,
  example: 'stasis export web --to-libvirt --managed-save move',
  run: async (names, flags, { directories, signal, json, output }) => {
    const { toLibvirt, xml, imageFormat: format, ...rest } = flags
    if (xml === true) {
      const options = { ...directories, signal, inactive: true, securityInfo: true }
      const texts = await Promise.all(names.map((name) => dumpDomainXml(name, options)))
      return { text: texts.join('\n').trimEnd(), json: { type: 'result', xml: texts.join('\n') } }
    }
    if (toLibvirt === undefined)
      throw new UsageError('BAD_ARGUMENT', 'No destination was given', {
        hint: '--to-libvirt writes the files of libvirt; --xml shows the definitions',
      })
    const outcomes = await exportDomains(names, {
      ...directories,
      ...rest,
      format,
      signal,
      libvirt: toLibvirt === true ? undefined : toLibvirt,
    })
    for (const { name, left = [], error } of json ? [] : outcomes) {
      for (const text of left) output.note(`note: ${text}`)
      if (error !== undefined && outcomes.length !== 1)
        output.note(`${name}: ${errorText(error, { debug: false })}`)
    }
    refuseFailed(outcomes, 'Not exported')
    return {
      text: outcomes.map(line).join('\n'),
      json: { type: 'result', domains: outcomes.map(outcomeObject) },
    }
  },
}

function line({ name, outcome, written = [] }: ExportOutcome): string {
  return [`Domain '${name}' ${outcome}:`, ...written.map((path) => `  ${path}`)].join('\n')
}
