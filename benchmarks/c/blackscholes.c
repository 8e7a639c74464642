/* Black and Scholes: one pass, in blocks that stay in cache; the normal distribution by erf. */
#include <math.h>

#define BLOCK 512

double run(const double *const *in, double *const *out)
{
    const double *spot = in[0], *strike = in[1], *rate = in[2], *vol = in[3], *years = in[4];
    double *dspot = out[0], *dstrike = out[1], *drate = out[2], *dvol = out[3], *dyears = out[4];
    const double half = 0.70710678118654752440, per = 0.39894228040143267794;
    double value = 0.0;
#pragma omp parallel for reduction(+ : value)
    for (int start = 0; start < N; start += BLOCK) {
        int end = start + BLOCK < N ? start + BLOCK : N;
#pragma omp simd reduction(+ : value)
        for (int i = start; i < end; i++) {
            double root = sqrt(years[i]), spread = vol[i] * root;
            double d1 = (log(spot[i] / strike[i]) + (rate[i] + 0.5 * vol[i] * vol[i]) * years[i]);
            d1 /= spread;
            double d2 = d1 - spread;
            double n1 = 0.5 * (1.0 + erf(half * d1)), n2 = 0.5 * (1.0 + erf(half * d2));
            double discounted = -exp(-rate[i] * years[i]) * n2, owed = strike[i] * discounted;
            double density = per * spot[i] * exp(-0.5 * d1 * d1);
            dspot[i] = n1;
            dstrike[i] = discounted;
            drate[i] = -years[i] * owed;
            dvol[i] = density * root;
            dyears[i] = 0.5 * density * vol[i] / root - rate[i] * owed;
            value += spot[i] * n1 + owed;
        }
    }
    return value;
}
