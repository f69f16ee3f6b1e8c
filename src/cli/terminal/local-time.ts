/** A time for a person, in the time zone of this process: `2026-11-28 21:49`, and the seconds if they are asked for. */
export function formatLocalTime(
  iso: string,
  { seconds = false }: { readonly seconds?: boolean } = {},
): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  const parts = [date.getHours(), date.getMinutes(), ...(seconds ? [date.getSeconds()] : [])]
  return `${day} ${parts.map(two).join(':')}`
}
