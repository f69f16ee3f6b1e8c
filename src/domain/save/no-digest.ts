/** The warning about an image whose digest could not be written. */
export function noDigest(path: string, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error)
  return `${path} is complete, but has no digest: ${reason}`
}
