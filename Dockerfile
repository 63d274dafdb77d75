# The operator: its bundle on a base that has Node and nothing else.
#
#   docker build -t license-settings-operator .
#
# BASE   needs Node 24.7 or newer at /nodejs/bin/node, as the distroless images have it. No shell, no package manager.
# BUNDLE says where dist/ comes from: `build` makes it in the first stage; `prebuilt` takes that of this folder, so that
#        what was tested is what is shipped (`npm run build && npm run sbom` first).
ARG BASE=gcr.io/distroless/nodejs24-debian13:nonroot
ARG BUILDER=docker.io/library/node:24-slim
ARG BUNDLE=build

FROM ${BUILDER} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts && npm rebuild esbuild
COPY scripts scripts
COPY src src
RUN node scripts/build.ts && node scripts/sbom.ts

FROM scratch AS prebuilt
COPY dist /src/dist

FROM ${BUNDLE} AS bundle

FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="license-settings-operator" \
      org.opencontainers.image.description="Keeps the license settings of outbound dialers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The legal texts and the list of what is in the bundle come along.
COPY --from=bundle --chown=0:0 /src/dist/operator.js /src/dist/operator.js.LEGAL.txt /src/dist/licences.txt /src/dist/sbom.cdx.json /app/
COPY --chown=0:0 LICENSE /app/LICENSE
USER 65532:65532
EXPOSE 8080 8081
# Left to itself Node takes a heap larger than the container, and lets garbage lie there: what tenants store would decide how
# much memory the operator holds. A heap of 60 % leaves room for what is not heap, about 50 MiB.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=2", "--max-old-space-size-percentage=60", "/app/operator.js"]
