import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import type { DiskRequest } from '../../domain/checkpoint/disks/disk-choice.ts'

/** The option as commander names it. */
export interface DiskSpecFlags {
  readonly diskspec?: readonly string[]
}

/** Adds virsh's `--diskspec`. */
export function declareDiskSpec(command: Command): Command {
  return command.option(
    '--diskspec <disk>',
    'a disk that is treated in another way: DISK[,snapshot=no|external][,file=OVERLAY]; may be repeated',
    (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
  )
}

/** What is asked for about single disks. @throws UsageError BAD_ARGUMENT */
export function diskRequests({ diskspec = [] }: DiskSpecFlags): readonly DiskRequest[] {
  return diskspec.map((text) => {
    const [disk = '', ...parts] = text.split(',')
    let request: DiskRequest = { disk }
    for (const part of parts) {
      const [key, value = ''] = split(part)
      if (key === 'file' && value !== '') request = { ...request, file: value }
      else if (key === 'snapshot' && (value === 'no' || value === 'external'))
        request = { ...request, snapshot: value }
      else if (key !== 'driver' || value !== 'qcow2') throw wrong(text, part)
    }
    if (disk === '') throw wrong(text, text)
    return request
  })
}

/** `FILE` or `[file=]FILE[,snapshot=external]`, as virsh's `--memspec` has it. @throws UsageError BAD_ARGUMENT */
export function memoryFile(text: string): string {
  let file: string | undefined
  for (const part of text.split(',')) {
    const [key, value] = split(part)
    if (value === undefined && file === undefined) file = part
    else if (key === 'file') file = value
    else if (key !== 'snapshot' || value !== 'external') throw wrong(text, part)
  }
  if (file === undefined || file === '') throw wrong(text, text)
  return file
}

function split(part: string): readonly [string, string | undefined] {
  const at = part.indexOf('=')
  return at < 0 ? [part, undefined] : [part.slice(0, at), part.slice(at + 1)]
}

function wrong(text: string, part: string): UsageError {
  return new UsageError('BAD_ARGUMENT', `'${part}' in '${text}' is not supported`, {
    hint: 'Stasis makes external snapshots only: DISK[,snapshot=no|external][,file=OVERLAY], FILE[,snapshot=external]',
  })
}
