/**
 * The namespaces of a slot. `home`: where the people of a scenario work, and where faults strike. `twin`: the same
 * operator watches it too, and it has an object of the same name. `aside`: nobody watches it, and no write of the
 * operator belongs there.
 */
export const places = ['home', 'twin', 'aside'] as const;
export type Place = (typeof places)[number];

/** What there is one of in each. */
export type Everywhere<T> = Readonly<Record<Place, T>>;

/** The namespaces that an operator watches. */
export const watchedPlaces: readonly Place[] = ['home', 'twin'];

export const everywhere = <T>(of: (place: Place) => T): Everywhere<T> => ({
  home: of('home'),
  twin: of('twin'),
  aside: of('aside'),
});
