/** Whether a disk on such a SCSI controller has only a SCSI id, no channel and no LUN. */
export function hasOnlyScsiIds(model: string | undefined): boolean {
  return model === 'lsilogic'
}
