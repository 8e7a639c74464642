/* A mixture of Gaussians: blocks of points, one number of all points of a block side by side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 64
#define LOWER (D * (D - 1) / 2)
#define FACTOR (D + LOWER)

/* Gaussian k at a block: `turned` is Q (x - mean), `score` its log weight at each point. */
static void forward(const double *mean, const double *diagonal, const double *lower, double weight,
                    double (*restrict x)[BLOCK], double (*restrict turned)[BLOCK],
                    double *restrict score)
{
    double centred[D][BLOCK], squares[BLOCK] = {0};
    for (int i = 0; i < D; i++)
        for (int b = 0; b < BLOCK; b++)
            centred[i][b] = x[i][b] - mean[i];
    for (int i = 0; i < D; i++) {
        double sum[BLOCK];
        for (int b = 0; b < BLOCK; b++)
            sum[b] = diagonal[i] * centred[i][b];
        for (int j = 0; j < i; j++, lower++)
            for (int b = 0; b < BLOCK; b++)
                sum[b] += *lower * centred[j][b];
        for (int b = 0; b < BLOCK; b++) {
            turned[i][b] = sum[b];
            squares[b] += sum[b] * sum[b];
        }
    }
    for (int b = 0; b < BLOCK; b++)
        score[b] = weight - 0.5 * squares[b];
}

/* Adds to the gradients of the factor (its diagonal first) and of Q times the mean. */
static void backward(const double *mean, double (*restrict x)[BLOCK],
                     double (*restrict turned)[BLOCK], const double *restrict share,
                     double *restrict dfactor, double *restrict pull)
{
    double centred[D][BLOCK];
    double *dlower = dfactor + D;
    for (int i = 0; i < D; i++)
        for (int b = 0; b < BLOCK; b++)
            centred[i][b] = x[i][b] - mean[i];
    for (int i = 0; i < D; i++) {
        double dturned[BLOCK], total = 0.0, own = 0.0;
        for (int b = 0; b < BLOCK; b++) {
            dturned[b] = -share[b] * turned[i][b];
            total += dturned[b];
            own += dturned[b] * centred[i][b];
        }
        pull[i] += total;
        dfactor[i] += own;
        for (int j = 0; j < i; j++, dlower++) {
            double sum = 0.0;
            for (int b = 0; b < BLOCK; b++)
                sum += dturned[b] * centred[j][b];
            *dlower += sum;
        }
    }
}

/* The value of a block of points; the sums of all blocks of a thread go into `sums`. */
static double block(const double *means, const double (*diagonals)[D], const double *icf,
                    const double *weights, const double *points, int count,
                    double (*turned)[D][BLOCK], double (*sums)[1 + FACTOR + D])
{
    double x[D][BLOCK] = {{0}}, share[K][BLOCK], top[BLOCK], total[BLOCK] = {0}, value = 0.0;
    for (int b = 0; b < count; b++)
        for (int i = 0; i < D; i++)
            x[i][b] = points[b * D + i];
    for (int k = 0; k < K; k++)
        forward(means + k * D, diagonals[k], icf + k * FACTOR + D, weights[k], x, turned[k],
                share[k]);
    memcpy(top, share[0], sizeof top);
    for (int k = 1; k < K; k++)
        for (int b = 0; b < BLOCK; b++)
            top[b] = share[k][b] > top[b] ? share[k][b] : top[b];
    for (int k = 0; k < K; k++)
        for (int b = 0; b < BLOCK; b++)
            total[b] += share[k][b] = exp(share[k][b] - top[b]);
    for (int b = 0; b < count; b++)
        value += top[b] + log(total[b]);
    for (int b = 0; b < BLOCK; b++)
        total[b] = b < count ? 1.0 / total[b] : 0.0; /* what fills up a block counts for nothing */
    for (int k = 0; k < K; k++) {
        double part = 0.0;
        for (int b = 0; b < BLOCK; b++)
            part += share[k][b] *= total[b];
        sums[k][0] += part;
        backward(means + k * D, x, turned[k], share[k], sums[k] + 1, sums[k] + 1 + FACTOR);
    }
    return value;
}

double run(const double *const *in, double *const *out)
{
    const double *alphas = in[0], *means = in[1], *icf = in[2], *x = in[3];
    double *dalphas = out[0], *dmeans = out[1], *dicf = out[2];
    static double diagonals[K][D], weights[K], all[K][1 + FACTOR + D];
    double value = 0.0, top = alphas[0], odds = 0.0;
    memset(all, 0, sizeof all);
    for (int k = 0; k < K; k++) {
        weights[k] = alphas[k];
        for (int i = 0; i < D; i++) {
            diagonals[k][i] = exp(icf[k * FACTOR + i]);
            weights[k] += icf[k * FACTOR + i];
        }
        top = alphas[k] > top ? alphas[k] : top;
    }
#pragma omp parallel reduction(+ : value)
    {
        double(*turned)[D][BLOCK] = malloc(sizeof(double[K][D][BLOCK]));
        double(*sums)[1 + FACTOR + D] = calloc(K, sizeof *sums);
#pragma omp for
        for (int start = 0; start < N; start += BLOCK)
            value += block(means, diagonals, icf, weights, x + start * D,
                           N - start < BLOCK ? N - start : BLOCK, turned, sums);
#pragma omp critical
        for (int n = 0; n < K * (1 + FACTOR + D); n++)
            all[0][n] += sums[0][n];
        free(turned);
        free(sums);
    }
    for (int k = 0; k < K; k++)
        odds += exp(alphas[k] - top);
    value -= N * (top + log(odds));
    double scale = PRIOR_SCALE * PRIOR_SCALE, constant = -0.5 * N * D * log(2 * M_PI);
    int degrees = D + PRIOR_DEGREES + 1;
    constant -= K * degrees * D * (log(PRIOR_SCALE) - 0.5 * log(2.0));
    constant += K * 0.25 * D * (D - 1) * log(M_PI);
    for (int i = 0; i < D; i++)
        constant += K * lgamma(0.5 * (degrees - i));
    for (int k = 0; k < K; k++) {
        const double *factor = icf + k * FACTOR, *lower = factor + D, *pull = all[k] + 1 + FACTOR;
        double *dfactor = dicf + k * FACTOR;
        dalphas[k] = all[k][0] - N * exp(alphas[k] - top) / odds;
        for (int i = 0; i < D; i++) {
            double q = diagonals[k][i];
            dfactor[i] = q * (all[k][1 + i] + scale * q) + all[k][0] - PRIOR_DEGREES;
            dmeans[k * D + i] = -q * pull[i];
            value += 0.5 * scale * q * q - PRIOR_DEGREES * factor[i];
            for (int j = 0; j < i; j++, lower++)
                dmeans[k * D + j] -= *lower * pull[i];
        }
        for (int n = D; n < FACTOR; n++) {
            dfactor[n] = all[k][1 + n] + scale * factor[n];
            value += 0.5 * scale * factor[n] * factor[n];
        }
    }
    return value + constant;
}
