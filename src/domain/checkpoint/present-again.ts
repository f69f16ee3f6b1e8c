import { CancelledError, StasisError } from '../../errors.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { requireCheckpoint } from '../store/checkpoints/checkpoint-record.ts'
import { readTree } from '../store/checkpoints/checkpoint-tree.ts'
import { readDefinition } from '../store/definitions.ts'
import { beginAtCheckpoint } from './begin-at-checkpoint.ts'
import type { Reverting } from './revert-options.ts'

/** After a failure: brings back the guest from the checkpoint that keeps it. Returns the error, with what has become of the guest. */
export async function presentAgain(
  off: HeldDomain,
  failed: { readonly kept: string; readonly error: unknown; readonly options: Reverting },
): Promise<unknown> {
  const { kept, error, options } = failed
  const { directories, name: domain } = off
  const record = await requireCheckpoint(directories, domain, kept)
  if (record.memory === undefined) return error
  try {
    const { overlays } = await readTree(directories, domain)
    const definition = (await readDefinition(directories, domain)) ?? ''
    // They are empty: the guest has not run on them.
    const own = overlays.filter(
      ({ path, backing }) =>
        record.disks.some((disk) => disk.path === backing) && namesDisk(definition, path),
    )
    const { state = 'off' } =
      (await beginAtCheckpoint(off, record, own, {
        ...options,
        signal: undefined,
        state: undefined,
      })) ?? {}
    return withOutcome(error, `the guest is as it was before, ${state}`)
  } catch {
    return withOutcome(
      error,
      `the guest is off; \`stasis checkpoint-revert ${domain} ${kept}\` brings it back`,
    )
  }
}

function withOutcome(error: unknown, outcome: string): unknown {
  if (StasisError.is(error, 'CANCELLED'))
    return new CancelledError('return to a checkpoint', error.cause, outcome)
  if (!(error instanceof StasisError)) return error
  return error.with({ message: `${error.message}; ${outcome}` })
}

/** Whether a domain XML names a file for a disk. @throws DomainXmlError */
export function namesDisk(definition: string, path: string): boolean {
  const { disks } = readDomain(parseDomainXml(definition), { tolerant: true }).domain
  return disks.some(
    ({ source }) => source !== undefined && 'path' in source && source.path === path,
  )
}
