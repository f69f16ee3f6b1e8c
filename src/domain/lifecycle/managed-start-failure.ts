import { CancelledError, ImageError, StasisError } from '../../errors.ts'
import { rewrapped } from '../../io/storage-error.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { checkRemovable } from '../store/saves/own-managed-image.ts'

/** The error for a failed start from a managed save: of the same kind as its cause, with the fact that the image is kept. */
export async function managedStartFailure(held: HeldDomain, cause: unknown): Promise<StasisError> {
  const isOwn = await checkRemovable(held.directories, held.paths).then(
    () => true,
    () => false,
  )
  const { name, paths } = held
  const operation = `start domain '${name}' from its managed save`
  if (StasisError.is(cause, 'CANCELLED'))
    return new CancelledError(operation, cause.cause, 'the managed save is kept')
  return rewrapped(cause instanceof StasisError ? cause.with({ hint: undefined }) : cause, {
    operation,
    message: `Could not ${operation}, which is kept`,
    path: paths.managedSave,
    offset: undefined,
    hint: hintFor(held, cause, isOwn),
  })
}

/** The hint. Discarding the memory of a guest comes last, and only where nothing else can help. */
function hintFor({ name, paths }: HeldDomain, cause: unknown, isOwn: boolean): string {
  const useless = ['NOT_AN_IMAGE', 'IMAGE_INCOMPLETE'] as const
  if (useless.some((code) => StasisError.is(cause, code)))
    return `Move ${paths.managedSave} away, or put a copy of the managed save in its place. Without the file, \`stasis start ${name}\` boots the domain`
  if (StasisError.is(cause, 'IMAGE_STALE') && cause.hint !== undefined) return cause.hint
  const lost = `Only if the memory is no longer needed: \`stasis start ${name} --force-boot\` discards it and boots`
  if (cause instanceof ImageError && cause.code !== 'IMAGE_IN_USE' && cause.hint !== undefined)
    return isOwn ? `${cause.hint}. ${lost}` : cause.hint
  if (StasisError.is(cause, 'QEMU_START_FAILED'))
    return `Bring back the parts that QEMU misses, or change the XML with \`stasis managedsave-edit ${name}\`; then start the domain again`
  const own = cause instanceof StasisError ? cause.hint : undefined
  return `${own === undefined ? '' : `${own}. Then t`}${own === undefined ? 'T' : ''}ry \`stasis start ${name}\` again; \`stasis managedsave-edit ${name}\` changes the machine in the managed save`
}
